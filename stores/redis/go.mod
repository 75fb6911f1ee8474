module github.com/go-guard/guard/stores/redis

go 1.26.0

require github.com/go-guard/guard v0.0.0

replace github.com/go-guard/guard => ../..
