//! Which work is taken when.

use super::owner::LARGE;
use super::*;
use crate::config::{ComponentId, PipelineId};

fn receiver(name: &str) -> Owner {
    Owner::receiver(&ComponentId::parse(name).unwrap(), 100)
}

#[test]
fn the_queue_that_has_used_the_least_time_comes_first() {
    let scheduler = Scheduler::new(1, 8);
    let (slow, fast) = (receiver("otlp/slow"), receiver("otlp/fast"));
    for number in 0..3 {
        scheduler.add_now(slow.clone(), ("slow", number)).unwrap();
        scheduler.add_now(fast.clone(), ("fast", number)).unwrap();
    }
    let mut order = Vec::new();
    for _ in 0..6 {
        let (owner, work) = scheduler.next(0).unwrap();
        let took = if owner == slow { 50 } else { 1 };
        scheduler.done(&owner, Duration::from_millis(took));
        order.push(work);
    }
    let expected = [
        ("slow", 0),
        ("fast", 0),
        ("fast", 1),
        ("fast", 2),
        ("slow", 1),
        ("slow", 2),
    ];
    assert_eq!(order, expected);
    scheduler.close();
    assert_eq!(scheduler.next(0), None);
    assert!(scheduler.add_now(fast, ("late", 0)).is_err());
}

#[test]
fn the_spare_worker_takes_short_work_while_all_others_are_occupied() {
    let scheduler = Arc::new(Scheduler::new(1, 8));
    let (slow, fast) = (receiver("otlp/slow"), receiver("otlp/fast"));
    scheduler.add_now(slow.clone(), "slow").unwrap();
    let (owner, _) = scheduler.next(0).unwrap();
    // It is known to be slow, and the worker is still at it.
    scheduler.done(&owner, Duration::from_millis(500));
    scheduler.add_now(slow.clone(), "slow again").unwrap();
    scheduler.add_now(fast, "fast").unwrap();
    assert_eq!(scheduler.next_for_spare().unwrap().1, "fast");
    let large = Owner::receiver(&ComponentId::parse("otlp").unwrap(), LARGE);
    scheduler.add_now(large, "large").unwrap();
    let spare = Arc::clone(&scheduler);
    let spare = std::thread::spawn(move || spare.next_for_spare());
    assert_eq!(scheduler.next(0).unwrap().1, "slow again");
    assert_eq!(scheduler.next(0).unwrap().1, "large");
    scheduler.close();
    assert_eq!(spare.join().unwrap(), None);
}

#[test]
fn slow_work_leaves_one_worker_to_the_others_while_they_have_work() {
    let scheduler = Arc::new(Scheduler::new(2, 8));
    let (slow, fast) = (receiver("otlp/slow"), receiver("otlp/fast"));
    scheduler.add_now(slow.clone(), "slow").unwrap();
    let (owner, _) = scheduler.next(0).unwrap();
    scheduler.done(&owner, Duration::from_millis(50));
    scheduler.add_now(fast.clone(), "fast").unwrap();
    let (owner, _) = scheduler.next(0).unwrap();
    scheduler.done(&owner, Duration::from_micros(50));
    scheduler.add_now(slow.clone(), "slow again").unwrap();
    scheduler.add_now(slow.clone(), "held back").unwrap();
    assert_eq!(scheduler.next(0).unwrap().1, "slow again");
    let other = Arc::clone(&scheduler);
    let other = std::thread::spawn(move || [other.next(1), other.next(1)]);
    scheduler.add_now(fast, "fast again").unwrap();
    // The first worker is still at its slow work; the second waits until the others have been without work for a while.
    let [first, second] = other.join().unwrap();
    assert_eq!(first.unwrap().1, "fast again");
    assert_eq!(second.unwrap().1, "held back");
}

#[tokio::test]
async fn a_queue_has_so_many_places_and_no_more() {
    let scheduler = Scheduler::new(1, 2);
    let owner = receiver("otlp");
    scheduler.add(owner.clone(), 1).await.unwrap();
    scheduler.add(owner.clone(), 2).await.unwrap();
    {
        let mut third = std::pin::pin!(scheduler.add(owner.clone(), 3));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(third.as_mut().poll(&mut context).is_pending());
        assert_eq!(scheduler.next(0).unwrap().1, 1);
        third.await.unwrap();
    }
    scheduler.close();
    assert_eq!(scheduler.add(owner, 4).await, Err(4));
}

#[test]
fn work_of_a_shard_is_done_one_after_the_other() {
    let scheduler = Scheduler::new(2, 8);
    let shard = |shard| Owner::Shard {
        pipeline: PipelineId {
            signal: crate::config::Signal::Traces,
            name: None,
        },
        segment: 0,
        shard,
    };
    for (number, work) in [(0, "first"), (0, "second"), (1, "other")] {
        scheduler.add_now(shard(number), work).unwrap();
    }
    let (owner, work) = scheduler.next(0).unwrap();
    assert_eq!(work, "first");
    assert_eq!(scheduler.next(1).unwrap().1, "other");
    scheduler.done(&shard(1), Duration::from_micros(1));
    let scheduler = Arc::new(scheduler);
    let waiting = Arc::clone(&scheduler);
    let waiting = std::thread::spawn(move || waiting.next(1).unwrap().1);
    scheduler.add_now(shard(1), "free").unwrap();
    assert_eq!(waiting.join().unwrap(), "free");
    scheduler.done(&owner, Duration::from_micros(1));
    assert_eq!(scheduler.next(0).unwrap().1, "second");
}

#[test]
fn work_that_can_be_done_together_is_taken_together() {
    let scheduler = Scheduler::new(1, 8);
    let (one, other) = (receiver("otlp"), receiver("otlp/other"));
    for number in 0..6 {
        scheduler.add_now(one.clone(), number).unwrap();
        scheduler.add_now(other.clone(), number + 10).unwrap();
    }
    let (owner, first) = scheduler.next(0).unwrap();
    assert_eq!((&owner, first), (&one, 0));
    assert_eq!(scheduler.more(&owner, |number| number % 2 == 0), [2, 4]);
    assert_eq!(scheduler.more(&owner, |number| *number > 100), [0; 0]);
    assert_eq!(scheduler.more(&receiver("otlp/none"), |_| true), [0; 0]);
    scheduler.done(&owner, Duration::from_millis(1));
    // What is left is in its order.
    let mut left = Vec::new();
    for _ in 0..9 {
        let (owner, number) = scheduler.next(0).unwrap();
        scheduler.done(&owner, Duration::from_millis(1));
        left.push(number);
    }
    let of = |lower, upper| {
        left.iter()
            .copied()
            .filter(|number| (lower..upper).contains(number))
            .collect::<Vec<_>>()
    };
    assert_eq!(of(0, 10), [1, 3, 5]);
    assert_eq!(of(10, 20), [10, 11, 12, 13, 14, 15]);
}

#[test]
fn an_idle_workers_place_is_lent_for_work_that_is_known_to_be_short() {
    let scheduler = Scheduler::new(1, 8);
    let owner = receiver("otlp");
    let most = Duration::from_micros(100);
    let lends = |owner: &Owner| scheduler.borrow(owner, most).is_some();
    let do_one = |took: Duration| {
        scheduler.add_now(owner.clone(), "work").unwrap();
        // While it waits, it comes first.
        assert!(!lends(&owner));
        let (owner, _) = scheduler.next(0).unwrap();
        // And then the worker is at it.
        assert!(!lends(&owner));
        scheduler.done(&owner, took);
        scheduler.state().busy[0] = None;
    };
    // Nobody knows how long it takes.
    assert!(!lends(&owner));
    do_one(Duration::from_micros(50));
    let place = scheduler.borrow(&owner, most).unwrap();
    assert_eq!(place.worker, 0);
    // There is no other.
    assert!(!lends(&owner));
    drop(place);
    assert!(lends(&owner));
    do_one(Duration::from_millis(1));
    assert!(!lends(&owner));
    scheduler.close();
    assert!(!lends(&owner));
}

#[test]
fn a_worker_whose_place_is_lent_takes_its_work_once_it_has_it_back() {
    let scheduler = Arc::new(Scheduler::new(1, 8));
    let owner = receiver("otlp");
    scheduler.add_now(owner.clone(), "first").unwrap();
    let (_, first) = scheduler.next(0).unwrap();
    assert_eq!(first, "first");
    scheduler.done(&owner, Duration::from_micros(50));
    scheduler.state().busy[0] = None;
    let place = scheduler.borrow(&owner, Duration::from_micros(100));
    assert!(place.is_some());
    let worker = {
        let scheduler = Arc::clone(&scheduler);
        std::thread::spawn(move || {
            // As one that has waited since before its place was lent: it does not say that it has nothing to do.
            scheduler.wait_for_work(0)
        })
    };
    // Nobody is rung for: all places are taken.
    scheduler.add_now(owner, "second").unwrap();
    drop(place);
    assert_eq!(worker.join().unwrap().unwrap().1, "second");
}
