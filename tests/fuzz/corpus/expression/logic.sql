not (i in (1, 2, null) and j not between -3 and 7 or b is not null)
 and x <> 2.5 or s >= 'abc' and not b = true
