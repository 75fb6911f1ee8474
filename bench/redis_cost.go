package main

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// A redisCost is what one operation takes: µs of processor time in this process and in
// Redis, round trips, and the calls that Redis executes, those of scripts included.
type redisCost struct {
	here, redis, trips, calls float64

	rounds []float64 // here and in Redis together
}

// against returns the median of the ratios within each round.
func (c redisCost) against(other redisCost) float64 {
	ratios := make([]float64, len(c.rounds))
	for i := range ratios {
		ratios[i] = c.rounds[i] / other.rounds[i]
	}
	slices.Sort(ratios)
	return middle(ratios)
}

// costsOnRedis measures operations in bursts, each round in random order. The load of
// other programs affects processor time less than elapsed time.
func costsOnRedis(c *redis.Client, set settings, operations []func(n int)) ([]redisCost, error) {
	burst := max(10, min(3000, int(set.slice/(20*time.Microsecond))))
	costs := make([]redisCost, len(operations))
	var count commandCounter
	for _, run := range operations {
		run(10) // loads the scripts
	}
	c.AddHook(&count)
	here, there := make([][]float64, len(costs)), make([][]float64, len(costs))
	for range 4 * set.rounds {
		for _, i := range rand.Perm(len(operations)) {
			before, err := usage(c)
			if err != nil {
				return nil, err
			}
			begun, trips := cpuTime(), count.trips.Load()
			operations[i](burst)
			took, n := cpuTime()-begun, count.trips.Load()-trips
			after, err := usage(c)
			if err != nil {
				return nil, err
			}
			perOperation := func(v float64) float64 { return v / float64(burst) }
			a, b := perOperation(float64(took.Nanoseconds())/1000), perOperation((after.seconds-before.seconds)*1e6)
			here[i], there[i] = append(here[i], a), append(there[i], b)
			costs[i].rounds = append(costs[i].rounds, a+b)
			costs[i].trips = perOperation(float64(n))
			costs[i].calls = perOperation(after.calls - before.calls - 1) // the INFO before
		}
	}
	for i := range costs {
		slices.Sort(here[i])
		slices.Sort(there[i])
		costs[i].here, costs[i].redis = middle(here[i]), middle(there[i])
	}
	return costs, nil
}

// A redisUsage is what a server has used since its start.
type redisUsage struct {
	seconds float64 // of processor time
	calls   float64 // of commands, but for the EVALSHA that call others
}

func usage(c *redis.Client) (u redisUsage, err error) {
	info, err := c.Info(ctx, "cpu", "commandstats").Result()
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch {
		case name == "used_cpu_sys" || name == "used_cpu_user":
			n, _ := strconv.ParseFloat(value, 64)
			u.seconds += n
		case strings.HasPrefix(name, "cmdstat_") && name != "cmdstat_evalsha":
			calls, _, _ := strings.Cut(strings.TrimPrefix(value, "calls="), ",")
			n, _ := strconv.ParseFloat(calls, 64)
			u.calls += n
		}
	}
	return u, err
}
