coalesce((i + 1) * j - 3 / nullif(x, 0) % 2, -0.5e-3) + div(i, j)
 + round(x * 1.25, 2) + pow(abs(f), .5) - exp(ln(least(i, 9.0, j)))
