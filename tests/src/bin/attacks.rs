//! Runs every attack long, and prints the table in tests/README.md.

use spanmill_tests::attack;

#[tokio::main]
async fn main() {
    println!(
        "| attack | at rest, MiB | peak, MiB | good requests served | p99 at rest | p99 | recovered within 10 s |"
    );
    println!("|---|---|---|---|---|---|---|");
    println!("{}", attack::empty_items_in_json(8, 2).await);
    println!("{}", attack::empty_items_in_protobuf(8, 2).await);
    println!("{}", attack::many_spans(8, 4).await);
    println!("{}", attack::unfinished_messages(4).await);
    println!("{}", attack::poison_in_a_plugin(200).await);
    println!("{}", attack::poison_behind_a_batch(200).await.0);
    println!("{}", attack::idle_connections(1024).await);
    println!("{}", attack::half_open_handshakes(1024, 4).await);
    println!("{}", attack::unread_output(2000).await);
    println!("{}", attack::slow_plugin_next_door(16, 50).await);
}
