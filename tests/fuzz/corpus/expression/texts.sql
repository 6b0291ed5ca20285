case when starts_with(s, 'a') then upper(trim(s)) || 'it''s é'
 when length(s) > 3 then replace(substr(s, -2, 3), 'b', s)
 else cast(i as string) || lower("s") end
