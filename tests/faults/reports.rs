//! What a run says about its failures: who was faulty, what never fired, whether it was too much.

use perjury::scenario::{self, ReadOptions, Verdict};

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
    play.more = "[limits]\ntime = \"10m\"\nsteps = 30000\n".into();
    let run = play.run();
    assert!(run.report.is_beyond_tolerance());
    assert!(run.report.to_string().contains("MORE THAN the tolerated t = 1"), "{}", run.report);
    assert_eq!(run.report.verdict, Verdict::BeyondTolerance);
}

fn judged(text: &str) -> perjury::run::Report {
    let reading = scenario::read("probe.toml", text.as_bytes(), &ReadOptions::default());
    let scenario = reading.scenario.unwrap_or_else(|| panic!("{:?}", reading.diagnostics));
    perjury::run::run(&scenario).expect("it can be run")
}

/// An accepted operation is lost with one faulty replica of three; that two fail later, in another
/// configuration, excuses nothing.
#[test]
fn what_breaks_before_too_many_fail_is_broken() {
    let fault = |configuration, replica, when: &str, then: &str| {
        format!(
            "[[fault]]\nconfiguration = {configuration}\nreplica = {replica}\n\
             when = \"{when}\"\nthen = \"{then}\"\n"
        )
    };
    let text = [
        "protocol = \"bcr\"\naccept = \"quorum\"\n[[client]]\n\
         workload = \"put('k','v'); get('k'); get('k'); get('k')\"\n[limits]\ntime = \"5m\"\n"
            .to_owned(),
        fault(0, 0, "wedge_request(0)", "sleep(60000)"),
        fault(0, 1, "shuttle(0,0)", "early_reply()"),
        fault(0, 1, "wedge_request(0)", "rollback(2)"),
        fault(1, 0, "client_request(0,1)", "drop()"),
        fault(1, 1, "shuttle(0,0)", "drop()"),
    ];
    let report = judged(&text.concat());
    assert!(report.is_beyond_tolerance(), "{report}");
    assert_eq!(report.verdict, Verdict::Broken, "{report}");
}

/// Failures that wait for a message which never comes make nobody faulty, and no judge blind.
#[test]
fn what_is_only_armed_hides_nothing() {
    let armed = |replica| {
        format!(
            "[[fault]]\nreplica = {replica}\nwhen = \"shuttle(0,0)\"\n\
             then = \"drop_checkpt_stmts()\"\n"
        )
    };
    let text = "protocol = \"bcr\"\nquirk = \"order_signatures_unchecked\"\n[[client]]\n\
                workload = \"put('k','v'); append('k','w'); get('k')\"\n[[fault]]\nreplica = 0\n\
                when = \"client_request(0,1)\"\nthen = \"invalid_order_sig()\"\n";
    for text in [text.to_owned(), [text, &armed(1), &armed(2)].concat()] {
        let report = judged(&text);
        assert_eq!(report.verdict, Verdict::Broken, "{report}");
        assert_eq!(report.first_broken().expect("broken").judge, "order proofs");
    }
}
