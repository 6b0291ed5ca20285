cast(cast(cast(s as float64) as int32) as bool) or cast(s as bool)
 or cast(cast(x as float32) as string) = s or cast(s as timestamp) > t
