//! Goals are met, with time that passes as the test says.

use proptest::prelude::*;
use spanmill_sampling::threshold::NEVER;

use super::*;

/// Numbers that look random, and are the same each time.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = self.0;
        number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        number ^ number >> 31
    }
}

const EMA: Algorithm = Algorithm::Ema {
    interval: 15 * SECOND,
    weight: 0.5,
};

const WINDOWED: Algorithm = Algorithm::Windowed {
    step: SECOND,
    steps: 30,
};

fn plan(goal: Goal, algorithm: Algorithm) -> Plan {
    Plan {
        goal,
        algorithm,
        max_keys: 500,
        min_traces: 0,
        initial: match goal {
            Goal::Share(share) => share,
            Goal::PerSecond(_) => 0.1,
        },
    }
}

/// Traffic of one second: fingerprints, and how many traces of so many spans each has.
type Second = Vec<(String, u64, u32)>;

/// What came, what was kept, and how many spans those that were kept say that there were.
#[derive(Debug, Default, Clone, Copy)]
struct Totals {
    came: f64,
    kept: f64,
    counted: f64,
}

/// A sampler, and the time.
struct Run {
    sampler: Adaptive,
    numbers: Numbers,
    now: u64,
}

impl Run {
    fn new(plan: Plan) -> Self {
        Run {
            sampler: Adaptive::new(plan),
            numbers: Numbers(7),
            now: 1_000 * SECOND,
        }
    }

    fn seconds(&mut self, seconds: u64, traffic: impl Fn(u64) -> Second) -> Totals {
        let mut totals = Totals::default();
        for second in 0..seconds {
            self.now += SECOND;
            for (fingerprint, traces, spans) in traffic(second) {
                for _ in 0..traces {
                    let observed = Observed {
                        spans,
                        stands_for: 1.0,
                        now: self.now,
                    };
                    let threshold = self.sampler.observe(&fingerprint, observed);
                    let spans = f64::from(spans);
                    totals.came += spans;
                    if self.numbers.next() >> 8 >= threshold {
                        totals.kept += spans;
                        totals.counted += spans / (1.0 - threshold as f64 / NEVER as f64);
                    }
                }
            }
        }
        totals
    }
}

fn steady(_: u64) -> Second {
    vec![
        ("a".to_owned(), 700, 8),
        ("b".to_owned(), 250, 4),
        ("c".to_owned(), 40, 20),
        ("d".to_owned(), 2, 8),
    ]
}

/// A fingerprint of two thirds, and two hundred that share the others.
fn long_tail(second: u64) -> Second {
    let rare = (0..200).filter(|rank| second.is_multiple_of(rank / 20 + 1));
    let rare = rare.map(|rank| (format!("rare {rank}"), 3, 5));
    std::iter::once(("frequent".to_owned(), 600, 5))
        .chain(rare)
        .collect()
}

/// For ten seconds of each minute ten times as much.
fn bursty(second: u64) -> Second {
    let times = if second % 60 < 10 { 10 } else { 1 };
    vec![("a".to_owned(), 100 * times, 8), ("b".to_owned(), 20, 8)]
}

#[track_caller]
fn assert_near(found: f64, wanted: f64, tolerance: f64) {
    let off = (found - wanted).abs() / wanted;
    assert!(
        off <= tolerance,
        "{found:.3} instead of {wanted:.3}, {:.1} % off",
        off * 100.0
    );
}

#[test]
fn a_percentage_is_met_after_one_interval() {
    for (name, traffic) in [
        ("steady", steady as fn(u64) -> Second),
        ("long tail", long_tail),
    ] {
        for goal in [0.01, 0.1, 0.6] {
            let mut run = Run::new(plan(Goal::Share(goal), EMA));
            let first = run.seconds(15, traffic);
            assert_near(first.kept / first.came, goal, 0.15);
            run.seconds(15, traffic);
            let later = run.seconds(120, traffic);
            println!("{name} {goal}");
            assert_near(later.kept / later.came, goal, 0.05);
        }
    }
}

#[test]
fn a_throughput_is_met_after_two_intervals() {
    for algorithm in [EMA, WINDOWED] {
        for traffic in [steady as fn(u64) -> Second, long_tail] {
            let mut run = Run::new(plan(Goal::PerSecond(300.0), algorithm));
            run.seconds(60, traffic);
            let later = run.seconds(120, traffic);
            assert_near(later.kept / 120.0, 300.0, 0.08);
        }
    }
}

#[test]
fn a_throughput_holds_through_bursts() {
    for algorithm in [EMA, WINDOWED] {
        let mut run = Run::new(plan(Goal::PerSecond(100.0), algorithm));
        run.seconds(120, bursty);
        let later = run.seconds(600, bursty);
        // Behind a burst the estimate stays high for a while, so less is kept than could be.
        let kept = later.kept / 600.0;
        assert!((50.0..130.0).contains(&kept), "{kept} spans a second");
    }
}

#[test]
fn a_percentage_holds_through_bursts() {
    let mut run = Run::new(plan(Goal::Share(0.1), EMA));
    run.seconds(120, bursty);
    let later = run.seconds(600, bursty);
    assert_near(later.kept / later.came, 0.1, 0.15);
}

#[test]
fn less_than_the_goal_is_kept_whole() {
    let mut run = Run::new(plan(Goal::PerSecond(1e6), EMA));
    run.seconds(30, steady);
    let later = run.seconds(30, steady);
    assert_eq!(later.kept, later.came);
}

/// One trace of each fingerprint is kept in each interval, whatever its randomness, and the goal holds all the same.
#[test]
fn rare_fingerprints_survive() {
    let mut of = plan(Goal::Share(0.01), EMA);
    of.min_traces = 1;
    let mut run = Run::new(of);
    let traffic = |second: u64| -> Second {
        let mut traffic = vec![("frequent".to_owned(), 1000, 8)];
        if second % 15 == 3 {
            traffic.push(("rare".to_owned(), 1, 8));
        }
        traffic
    };
    run.seconds(30, traffic);
    let observed = |now| Observed {
        spans: 8,
        stands_for: 1.0,
        now,
    };
    for _ in 0..10 {
        run.now += 16 * SECOND;
        assert_eq!(run.sampler.observe("rare", observed(run.now)), 0);
        run.seconds(1, traffic);
    }
    let later = run.seconds(150, traffic);
    assert_near(later.kept / later.came, 0.01, 0.15);
}

/// Fingerprints for which there is no room have one rate together, so that the goal holds.
#[test]
fn fingerprints_without_room_share_a_rate() {
    let mut of = plan(Goal::Share(0.05), EMA);
    of.max_keys = 10;
    let mut run = Run::new(of);
    let traffic = |second: u64| -> Second {
        let all = (0..500).map(|n| (format!("{second} {n}"), 1, 4));
        all.collect()
    };
    run.seconds(45, traffic);
    assert!(run.sampler.keys.len() <= 10);
    let later = run.seconds(120, traffic);
    assert_near(later.kept / later.came, 0.05, 0.15);
}

#[test]
fn what_comes_no_more_is_forgotten() {
    for algorithm in [EMA, WINDOWED] {
        let mut run = Run::new(plan(Goal::Share(0.5), algorithm));
        run.seconds(60, long_tail);
        assert!(run.sampler.keys.len() > 200);
        run.seconds(600, |_| vec![("a".to_owned(), 10, 1)]);
        assert_eq!(run.sampler.keys.len(), 1);
    }
}

/// Kinds of traffic that have ended take no part of the goal, long before they are forgotten.
#[test]
fn goals_hold_after_the_traffic_has_shifted() {
    for (goal, kept_a_second) in [(Goal::Share(0.1), 80.0), (Goal::PerSecond(80.0), 80.0)] {
        for algorithm in [EMA, WINDOWED] {
            if (algorithm, goal) == (WINDOWED, Goal::Share(0.1)) {
                continue;
            }
            let mut run = Run::new(plan(goal, algorithm));
            run.seconds(90, |_| (0..300).map(|n| (format!("{n}"), 10, 1)).collect());
            let after = |_| -> Second { vec![("a".to_owned(), 99, 8), ("b".to_owned(), 1, 8)] };
            run.seconds(31, after);
            let later = run.seconds(60, after);
            assert_near(later.kept / 60.0, kept_a_second, 0.12);
        }
    }
}

/// A burst ends the interval early, and with it what has not come for long: those that stay keep their own rates.
#[test]
fn a_burst_may_end_what_others_have() {
    let mut run = Run::new(plan(Goal::Share(0.1), EMA));
    let all = |_| -> Second { (0..300).map(|n| (format!("{n}"), 1, 1)).collect() };
    run.seconds(60, all);
    run.seconds(65, |_| vec![("299".to_owned(), 10, 1)]);
    assert_eq!(run.sampler.keys.len(), 300);
    run.now += SECOND;
    let observed = Observed {
        spans: 1,
        stands_for: 1.0,
        now: run.now,
    };
    for _ in 0..100_000 {
        let threshold = run.sampler.observe("299", observed);
        assert_near(1.0 - threshold as f64 / NEVER as f64, 0.1, 0.1);
    }
    assert_eq!(run.sampler.keys.len(), 1);
}

/// Where spans were sampled before, a goal of spans a second is one of those that come.
#[test]
fn traces_that_were_sampled_before_count_for_more() {
    let mut run = Run::new(plan(Goal::PerSecond(100.0), EMA));
    let (mut kept, mut seconds) = (0.0, 0.0);
    let before = NEVER / 4 * 3;
    for second in 0..150u64 {
        run.now += SECOND;
        // Of 4,000 traces of two spans a quarter has come.
        for _ in 0..4_000 {
            let randomness = run.numbers.next() >> 8;
            if randomness < before {
                continue;
            }
            let observed = Observed {
                spans: 2,
                stands_for: 4.0,
                now: run.now,
            };
            let threshold = run.sampler.observe("a", observed);
            if second >= 30 && randomness >= threshold.max(before) {
                kept += 2.0;
            }
        }
        seconds += f64::from(u8::from(second >= 30));
    }
    assert_near(kept / seconds, 100.0, 0.08);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever the traffic, the goal, the minimum and the room: those that are kept say, together, how many there were.
    #[test]
    fn adjusted_counts_add_up_to_what_came(
        share in 0.02f64..1.0,
        is_throughput in any::<bool>(),
        is_windowed in any::<bool>(),
        min_traces in 0u32..3,
        max_keys in 1usize..40,
        traffic in prop::collection::vec((0u64..60, 1u32..9, 1u64..4), 1..30),
        seed in any::<u64>(),
    ) {
        let goal = if is_throughput { Goal::PerSecond(share * 500.0) } else { Goal::Share(share) };
        let mut of = plan(goal, if is_windowed { WINDOWED } else { EMA });
        (of.min_traces, of.max_keys) = (min_traces, max_keys);
        let mut run = Run::new(of);
        run.numbers = Numbers(seed);
        let (mut came, mut counted, mut variance) = (0.0, 0.0, 0.0);
        for second in 0..200u64 {
            run.now += SECOND;
            for (at, &(traces, spans, each)) in traffic.iter().enumerate() {
                if second % each != 0 {
                    continue;
                }
                for _ in 0..traces {
                    let observed = Observed { spans, stands_for: 1.0, now: run.now };
                    let threshold = run.sampler.observe(&format!("{at}"), observed);
                    let kept = 1.0 - threshold as f64 / NEVER as f64;
                    let spans = f64::from(spans);
                    came += spans;
                    variance += spans * spans * (1.0 / kept - 1.0);
                    if run.numbers.next() >> 8 >= threshold {
                        counted += spans / kept;
                    }
                }
            }
        }
        // Six standard deviations: by chance one run in a thousand million is further off.
        let off: f64 = counted - came;
        prop_assert!(off.abs() <= 6.0 * f64::sqrt(variance) + 1e-3, "{counted} instead of {came}");
    }
}
