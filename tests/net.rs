//! The protocol's processes on real sockets: a cluster in this program, asked over TCP.
//!
//! Here alone the clock of the machine is read. Every wait is for an event, with a limit that only
//! an overloaded machine reaches.

#![cfg(feature = "net")]

use std::time::Duration;

use perjury::net::{Cluster, Plan, User};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime can be had").block_on(work)
}

/// Asks one thing after the other.
async fn ask(user: &mut User, operations: &[&str]) -> Vec<String> {
    let mut told = Vec::new();
    for operation in operations {
        let answer = user.ask(*operation, PATIENCE).await.expect("the gateway answers");
        told.push(answer.unwrap_or_else(|why| format!("refused: {why}")));
    }
    told
}

#[test]
fn a_cluster_answers_every_operation() {
    let cluster = Cluster::start(&Plan::new(1)).expect("it starts");
    let told = block_on(async {
        let mut user = User::connect(cluster.gateway()).await.expect("the gateway listens");
        let operations = [
            "get('movie')",
            "append('movie','x')",
            "put('movie','star')",
            "append('movie',' wars')",
            "get('movie')",
            "slice('movie','5:9')",
            "get('movie')",
            "drop('movie')",
        ];
        ask(&mut user, &operations).await
    });
    assert_eq!(told[..7], ["", "fail", "OK", "OK", "star wars", "OK", "wars"]);
    assert!(told[7].starts_with("refused: there is no operation `drop`; "), "{}", told[7]);
    let stats = cluster.stop().expect("it stops");
    assert!(stats.iter().all(|stats| (stats.lost, stats.refused) == (0, 0)), "{stats:?}");
    assert!(stats[1].received > 0, "replicas live on nodes of their own: {stats:?}");
}
