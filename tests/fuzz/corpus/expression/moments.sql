case day_of_week(t) when 6 then seconds_between(t, cast('2024-03-01T12:00:00Z' as timestamp))
 when 7 then days_between(t, t) + hour(t) else year(t) * 12 + month(t) end
