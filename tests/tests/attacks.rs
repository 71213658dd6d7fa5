//! Attacks, short: memory stays within four times the announced limit beyond rest, good requests are served meanwhile, and
//! what was taken is given back. `make attacks` runs them longer, and prints the table in README.md.

use spanmill_tests::attack::{self, IN_FLIGHT_MIB, Outcome};

/// Holds an attack to what every attack must leave alone.
fn holds(outcome: &Outcome) {
    let most = outcome.rest_mib + 4 * IN_FLIGHT_MIB;
    assert!(outcome.peak_mib <= most, "{outcome}");
    assert!(outcome.has_recovered(), "{outcome}");
    assert!(outcome.served > 0, "{outcome}");
    // Fewer than one in a hundred fails, or one at all in a short run.
    let failed = outcome.probes - outcome.served;
    assert!(failed <= 1.max(outcome.probes / 100), "{outcome}");
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_items_in_json() {
    holds(&attack::empty_items_in_json(2, 1).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_items_in_protobuf() {
    holds(&attack::empty_items_in_protobuf(2, 1).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_spans_as_a_request_may_hold() {
    holds(&attack::many_spans(2, 2).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn unfinished_messages() {
    holds(&attack::unfinished_messages(2).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_senders_poison_stays_his() {
    holds(&attack::poison_in_a_plugin(20).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_senders_poison_stays_his_behind_a_batch() {
    let (outcome, sent, arrived) = attack::poison_behind_a_batch(20).await;
    holds(&outcome);
    assert_eq!(arrived, sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_make_room() {
    holds(&attack::idle_connections(128).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn half_open_handshakes_keep_nobody_out() {
    // More than are served at once.
    holds(&attack::half_open_handshakes(400, 2).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn output_that_nobody_reads_holds_nothing_up() {
    holds(&attack::unread_output(100).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_plugin_takes_its_own_share() {
    let outcome = attack::slow_plugin_next_door(8, 10).await;
    holds(&outcome);
}
