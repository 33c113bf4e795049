/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * The generator's schedule, the same text for both engines: absolute, so that a late frame does not
 * move the next one, and without catching up by more than a bound.
 */
#ifndef RW_BPF_GEN_SCHEDULE_H
#define RW_BPF_GEN_SCHEDULE_H

#include "gen.h"
#include "ringway/core/dialect.h"

#define RW_GEN_NEVER (~0ULL >> 1)

#define RW_GEN_IDLE 0 /* nothing is due */
#define RW_GEN_DUE 1
#define RW_GEN_SKIP 2 /* rw_gen_skip() has work */
#define RW_GEN_OVER 3

/* Frames: with the burst before them fewer than the 512 slots of the smallest RX rings in
 * bench/duts. */
#define RW_GEN_OWED_MAX 256
/* Of so many frames one is owed: the load is a seventh above. */
#define RW_GEN_REPAY 8

RW_CORE void rw_gen_advance(const volatile struct gen_schedule *s, struct gen_clock *c, __u64 n)
{
	int then = s->then_duration_ns && c->then;

	c->due_frac += n * (then ? s->then_frac : s->interval_frac);
	c->due += n * (then ? s->then_ns : s->interval_ns) + (c->due_frac >> 32);
	c->due_frac &= 0xffffffff;
}

/* So many frames are not sent when they are due. */
RW_CORE void rw_gen_owe(struct gen_clock *c, __u64 n)
{
	c->owed += n;
	if (c->owed > RW_GEN_OWED_MAX) {
		c->late += c->owed - RW_GEN_OWED_MAX;
		c->owed = RW_GEN_OWED_MAX;
	}
}

/* A frame was sent when it was due, or nearly so: now and then one that is owed follows at once. */
RW_CORE void rw_gen_repay(const volatile struct gen_schedule *s, struct gen_clock *c)
{
	int then = s->then_duration_ns && c->then;
	__u64 frac = then ? s->then_frac : s->interval_frac;

	if (++c->paced < RW_GEN_REPAY)
		return;
	c->paced = 0;
	c->owed--;
	c->due -= (then ? s->then_ns : s->interval_ns) + (c->due_frac < frac);
	c->due_frac = (c->due_frac - frac) & 0xffffffff;
}

/* The schedule is over, unless something follows. Returns RW_GEN_OVER or RW_GEN_IDLE. */
RW_CORE int rw_gen_end(const volatile struct gen_schedule *s, struct gen_clock *c)
{
	c->late += c->owed;
	c->owed = 0;
	if (!s->then_duration_ns || c->then)
		return RW_GEN_OVER;
	c->then = 1;
	c->end += s->then_duration_ns;
	return RW_GEN_IDLE;
}

/* The schedule starts here, or goes on here after a restart, or is too far behind: what is due by
 * more than the bound is not sent in a burst, which would look like the device's loss, but owed, or
 * late; what is within it follows at once. Returns RW_GEN_OVER or RW_GEN_IDLE. */
RW_CORE int rw_gen_skip(const volatile struct gen_schedule *s, struct gen_clock *c, __u64 now)
{
	__u64 last = now - s->limit_ns, interval = s->interval_ns, n;

	if (!c->end || c->resume) {
		if (!c->end)
			c->end = s->duration_ns ? now + s->duration_ns : RW_GEN_NEVER;
		c->due = now;
		c->resume = 0;
		return RW_GEN_IDLE;
	}
	if (c->due >= c->end)
		return rw_gen_end(s, c);
	if (s->then_duration_ns && c->then)
		interval = s->then_ns;
	if (last >= c->end)
		last = c->end - 1;
	n = (last - c->due) / interval + 1;
	rw_gen_owe(c, n);
	rw_gen_advance(s, c, n);
	return RW_GEN_IDLE;
}

/* Is a frame due? Advances the schedule when it is, and says when it was. */
RW_CORE int rw_gen_due(const volatile struct gen_schedule *s, struct gen_clock *c, __u64 now,
		       __u64 *intended)
{
	__s64 behind = now - c->due;

	if (behind < 0)
		return RW_GEN_IDLE;
	if (RW_UNLIKELY(behind > (__s64)s->limit_ns))
		return RW_GEN_SKIP;
	if (RW_UNLIKELY(c->due >= c->end))
		return rw_gen_end(s, c);
	*intended = c->due;
	rw_gen_advance(s, c, 1);
	if (RW_UNLIKELY(c->owed) && behind < (__s64)(s->limit_ns / RW_GEN_REPAY))
		rw_gen_repay(s, c);
	if (behind > (__s64)c->behind)
		c->behind = behind;
	return RW_GEN_DUE;
}

/* A frame left so late. */
RW_CORE void rw_gen_count_late(struct gen_lateness *l, __u64 ns)
{
	__u64 step = ns >> RW_GEN_LATE_SHIFT;

	if (ns > l->max)
		l->max = ns;
	if (step < RW_GEN_LATE_STEPS) {
		l->frames[0][step]++;
		return;
	}
	step >>= RW_GEN_LATE_LEVEL_SHIFT - RW_GEN_LATE_SHIFT;
	if (step < RW_GEN_LATE_STEPS) {
		l->frames[1][step]++;
		return;
	}
	step >>= RW_GEN_LATE_LEVEL_SHIFT;
	if (step >= RW_GEN_LATE_STEPS)
		step = RW_GEN_LATE_STEPS - 1;
	l->frames[2][step]++;
}

#endif
