//! What a run says about its failures: who was faulty, what never fired, whether it was too much.

use perjury::scenario::Verdict;

use super::play;

#[test]
fn what_never_fires_is_told_with_the_reason() {
    let run = play(&[
        ("0.0", "client_request(0,9)", "crash()"),
        ("0.0", "client_request(0,0)", "drop_result_stmt()"),
        ("0.1", "shuttle(0,0)", "increment_slot()"),
        ("0.1", "shuttle(0,0)", "sleep(1)"),
    ])
    .run()
    .held(0);
    let text = run.report.to_string();
    for line in [
        "never fired client_request(0,9), crash() at replica 0.0: its message never came",
        "never fired client_request(0,0), drop_result_stmt() at replica 0.0: \
         armed, but its message was never sent",
        "never fired shuttle(0,0), increment_slot() at replica 0.1: only the head gives slots",
    ] {
        assert!(text.contains(line), "{text}");
    }
    assert_eq!(run.report.never_fired().count(), 3);
    assert_eq!(run.outcome("shuttle(0,0), sleep(1)").fired, 1);
}

#[test]
fn whoever_fails_is_faulty_in_its_configuration() {
    let run = play(&[
        ("0.0", "client_request(0,1)", "increment_slot()"),
        ("1.2", "shuttle(0,0)", "drop()"),
        ("1.1", "shuttle(0,0)", "sleep(1)"),
    ])
    .run()
    .held(2);
    let faulty: Vec<_> = run.report.faulty.iter().collect();
    assert_eq!(faulty, [(&0, &[0].into()), (&1, &[2].into())]);
    assert!(!run.report.is_beyond_tolerance());
    assert!(run.report.to_string().contains("faulty      replica 1.2 (at most t = 1)"));
}

/// Two of three replicas are gone: the run stands still, and is not blamed for it.
#[test]
fn more_than_t_faulty_replicas_are_beyond_tolerance() {
    let mut play =
        play(&[("0.1", "shuttle(0,1)", "crash()"), ("0.0", "wedge_request(0)", "crash()")]);
    play.more = "[limits]\ntime = \"10m\"\nevents = 100000\n".into();
    let run = play.run();
    assert!(run.report.is_beyond_tolerance());
    assert!(run.report.to_string().contains("MORE THAN the tolerated t = 1"), "{}", run.report);
    assert_ne!(run.report.verdict, Verdict::Broken);
}
