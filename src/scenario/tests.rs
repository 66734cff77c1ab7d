//! Whole files through the readers: typical mistakes, both ways of every value, arbitrary bytes.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::fault::Fault;
use crate::fault::arbitrary::{any_failure, any_trigger};
use crate::object::{Item, Lengths, Operation, Pool, PoolSettings, Weights, Workload};
use crate::protocol::bcr::Quirk;

fn strict(text: &str) -> Reading {
    read("scenario", text.as_bytes(), &ReadOptions::default())
}

fn lenient(text: &str) -> Reading {
    let options = ReadOptions { lenient: true, ..ReadOptions::default() };
    read("scenario", text.as_bytes(), &options)
}

fn set(text: &str, path: &str, value: &str) -> Reading {
    let set = vec![(path.to_owned(), value.to_owned())];
    read("scenario", text.as_bytes(), &ReadOptions { set, ..ReadOptions::default() })
}

fn findings(reading: &Reading) -> String {
    let lines: Vec<String> = reading.diagnostics.iter().map(Diagnosis::compact).collect();
    lines.join("\n")
}

const COURSE: &str = "# Shows a lie.\n# And more.\n\nt = 1\nnum_client = 1\n\
     workload[0] = put('movie','star'); get('movie')\n\
     failures[0,2] = shuttle(0,1), change_result(); shuttle(0,1), drop_result_stmt()\n";

fn pairs(fault: &Fault) -> Vec<String> {
    fault.pairs().map(|pair| pair.to_string()).collect()
}

#[test]
fn the_course_format_is_read() {
    let reading = strict(COURSE);
    assert_eq!(findings(&reading), "");
    let scenario = reading.scenario.unwrap();
    assert_eq!(scenario.description, "Shows a lie.\nAnd more.");
    assert_eq!(scenario.clients[0].workload.to_string(), "put('movie','star'); get('movie')");
    assert_eq!(scenario.faults.len(), 1);
    let fault = &scenario.faults[0];
    assert_eq!((fault.configuration, fault.replica), (0, 2));
    assert_eq!(pairs(fault)[1], "shuttle(0,1), drop_result_stmt()");
    let bcr = scenario.protocol.bcr().unwrap();
    assert_eq!(*bcr, Bcr::default());
}

#[test]
fn a_converted_file_says_the_same() {
    let scenario = strict(COURSE).scenario.unwrap();
    let toml = to_toml(&scenario);
    assert_eq!(strict(&toml).scenario, Some(scenario));
    insta::assert_snapshot!("converted", toml);
}

#[test]
fn line_ends_and_white_space_mean_nothing() {
    let wild = format!("\u{feff}\n{}", COURSE.replace('\n', " \t\r\n").replace(" = ", "=\t"));
    let wild = wild.replace("; ", " ;; ").replace("(0,1)", "( 0 ,\t1 ) ");
    let reading = strict(&wild);
    assert_eq!(findings(&reading), "");
    assert_eq!(reading.scenario, strict(COURSE).scenario);
}

#[test]
fn units_and_counters_of_others_can_be_told() {
    let text = "t=1\nnum_client=1\nclient_timeout=3\nworkload[0]=get('k')\n\
                failures[0,0]=client_request(0,1),sleep(2)\n";
    let options =
        ReadOptions { time_unit_seconds: true, counter_base_one: true, ..ReadOptions::default() };
    let reading = read("scenario", text.as_bytes(), &options);
    assert_eq!(findings(&reading), "");
    let scenario = reading.scenario.unwrap();
    let fault = &scenario.faults[0];
    assert_eq!(pairs(fault)[0], "client_request(0,0), sleep(2000)");
    let bcr = scenario.protocol.bcr().unwrap();
    assert_eq!(bcr.client_timeout_ns, 3_000_000_000);
}

#[test]
fn expectations_of_the_course_format_are_kept() {
    let text = format!("{COURSE}test_dict = {{'movie':'star'}}\nexpectedResult[0] = OK; star\n");
    let expect = strict(&text).scenario.unwrap().expect;
    assert_eq!(expect.dictionary, Some(BTreeMap::from([("movie".into(), "star".into())])));
    assert!(expect.dictionary_exact);
    assert_eq!(expect.results, BTreeMap::from([(0, vec!["OK".into(), "star".into()])]));
}

#[test]
fn the_template_is_sound_and_its_comments_too() {
    let text = template("bcr").unwrap();
    let reading = strict(text);
    assert_eq!(findings(&reading), "");
    assert!(reading.scenario.unwrap().description.starts_with("The tail lies"));
    let code = |line: &&str| {
        let key = line.split_once(" = ").map(|(key, _)| key);
        line.starts_with('[') || key.is_some_and(|key| !key.contains(' '))
    };
    let uncommented = |line: &'static str| line.strip_prefix("# ").filter(code).unwrap_or(line);
    let lines = text.lines().filter(|line| !line.starts_with("# latency"));
    let all: Vec<&str> = lines.map(uncommented).collect();
    assert!(all.contains(&"[[network.partition]]"));
    assert_eq!(findings(&strict(&all.join("\n"))), "");
}

#[test]
fn every_key_of_the_tables_is_asked_for_and_described() {
    let _ = strict(EVERYTHING);
    let asked = fields::asked::all();
    let mut missing = Vec::new();
    each_shape(&keys::ROOT, &mut |shape| {
        for key in shape.keys {
            assert!(key.about.ends_with('.'), "{}", key.name);
            if !asked.contains(&(shape.name, key.name.to_owned())) {
                missing.push((shape.name, key.name));
            }
        }
    });
    assert_eq!(missing, []);
    let schema = json_schema().to_string();
    for (_, key) in asked {
        assert!(schema.contains(&format!("\"{key}\":{{")), "{key}");
    }
}

fn each_shape(shape: &'static keys::Shape, visit: &mut impl FnMut(&'static keys::Shape)) {
    visit(shape);
    for key in shape.keys {
        match key.form {
            keys::Form::Table(shape)
            | keys::Form::Tables(shape)
            | keys::Form::DurationOr(shape)
            | keys::Form::WordOr(_, shape) => each_shape(shape, visit),
            _ => {}
        }
    }
}

#[test]
fn what_the_tables_call_needed_is_missed() {
    let bare = EVERYTHING.replace("{ kind = \"random\" }", "{}");
    let found = findings(&strict(&bare));
    each_shape(&keys::ROOT, &mut |shape| {
        for key in shape.keys.iter().filter(|key| key.is_needed && shape.name != "the scenario") {
            let told = [format!("{} lacks its `{}`", shape.name, key.name)];
            let tail = "a long tail has a median and a p99".to_owned();
            let told = told.into_iter().chain((shape.name == "long_tail").then_some(tail));
            assert!(told.clone().any(|told| found.contains(&told)), "{told:?} in\n{found}");
        }
    });
    assert!(findings(&strict("seed = 1\n")).contains("the scenario lacks its `protocol`"));
}

#[test]
fn the_schema_says_what_is_needed_and_what_goes_together() {
    let schema = json_schema();
    let at = |path: &str| {
        let found = schema.pointer(path);
        found.unwrap_or_else(|| panic!("there is no {path}")).to_string()
    };
    assert_eq!(at("/required"), r#"["protocol"]"#);
    assert_eq!(at("/properties/format/const"), "1");
    assert_eq!(at("/properties/choice/items/required"), r#"["site","answer"]"#);
    assert_eq!(at("/properties/fault/items/required"), r#"["replica","when","then"]"#);
    assert_eq!(
        at("/properties/network/properties/partition/items/oneOf"),
        r#"[{"required":["groups"]},{"required":["blocked"]}]"#
    );
    assert_eq!(
        at("/properties/schedule/anyOf/1/oneOf/1/properties"),
        r#"{"changes":false,"kind":{"const":"random"},"length":false}"#
    );
    assert!(at("/properties/timeouts/properties/client/pattern").contains("(?=.*[1-9])"));
}

#[test]
fn words_for_nobody_are_warned_of_where_they_stand() {
    let text = "protocol = \"bcr\"\nt = 1\n[[client]]\nworkload = \"get('k')\"\n\
        [[network.link]]\nfrom = \"replica 2\"\nto = \"replica 3\"\nloss = 0.1\n\
        [[network.partition]]\nuntil = \"1s\"\n\
        groups = [[\"replica 0\", \"replica 7\"], [\"client 0\", \"client 9\"]]\n\
        [[network.partition]]\nuntil = \"1s\"\n\
        blocked = { from = [\"replica 9.2\"], to = [\"replica 0.3\"] }\n\
        [[process]]\nwhich = \"client 1\"\nclock_rate = 2.0\n\
        [expect]\nresults = { 0 = [\"x\"], 4 = [\"y\"] }\n";
    let all = strict(text);
    assert!(all.scenario.is_some());
    insta::assert_snapshot!(findings(&all));
}

#[test]
fn what_a_schedule_or_a_stream_takes_no_notice_of_is_warned_of() {
    let text = |first: &str, more: &str| {
        format!(
            "protocol = \"bcr\"\n{first}\n[[client]]\nworkload = \"get('k')\"\n[network]\n{more}\n"
        )
    };
    let link =
        "latency = \"1ms\"\n[[network.link]]\nfrom = \"all\"\nto = \"all\"\nlatency = \"2ms\"";
    let cases = [
        text("schedule = { kind = \"random\" }", link),
        text("schedule = { kind = \"pct\" }", link),
        text("schedule = \"timed\"", link),
        text("", "loss = 0.1\nreorder = 0.2"),
        text("", "links = \"datagram\"\nreorder = 0.2"),
    ];
    insta::assert_snapshot!(cases.map(|text| findings(&strict(&text))).join("\n--\n"));
}

/// A file with every table in it.
const EVERYTHING: &str = r#"
protocol = "bcr"
schedule = { kind = "random" }
[timeouts]
[checkpoint]
[pool]
weights = {}
[[client]]
[network]
latency = { exponential = "1ms" }
[[network.link]]
latency = { long_tail = {} }
[[network.partition]]
blocked = {}
[[process]]
jumps = [{}]
pauses = [{}]
crashes = [{}]
[limits]
[[fault]]
[[choice]]
[expect]
[[expect.event]]
[hosts]
"#;

#[test]
fn values_can_be_set_from_outside() {
    let scenario = set(COURSE, "network.loss", "0.5").scenario.unwrap();
    assert_eq!(scenario.network.link.loss.bits(), 1 << 63);
    let scenario = set(COURSE, "client.0.workload", "get('a')").scenario.unwrap();
    assert_eq!(scenario.clients[0].workload.to_string(), "get('a')");
    let scenario = set(COURSE, "client.1.workload", "get('a')").scenario.unwrap();
    assert_eq!(scenario.clients.len(), 2);
    let toml = "protocol = 'bcr'\n[[client]]\nworkload = \"get('k')\"\n";
    let scenario = set(toml, "timeouts.client", "1s").scenario.unwrap();
    let bcr = scenario.protocol.bcr().unwrap();
    assert_eq!(bcr.client_timeout_ns, 1_000_000_000);
    let scenario = set(toml, "expect.dictionary", "{ a = 'b' }").scenario.unwrap();
    assert!(scenario.expect.dictionary.is_some());
    let options = ReadOptions { seed: Some(9), ..ReadOptions::default() };
    assert_eq!(read("scenario", toml.as_bytes(), &options).scenario.unwrap().seed, 9);
}

#[test]
fn what_cannot_be_set_names_the_option() {
    let toml = "protocol = 'bcr'\n[[client]]\nworkload = \"get('k')\"\n";
    let refusals = [
        ("network.los", "0.1"),
        ("network.loss", "2"),
        ("client.3.workload", "get('k')"),
        ("client.0.workload", "get('k"),
        ("seed.deep", "1"),
        ("a..b", "1"),
        ("", ""),
    ];
    let all = refusals.map(|(path, value)| findings(&set(toml, path, value)));
    insta::assert_snapshot!("set", all.join("\n"));
}

/// As a terminal without colours shows it.
#[cfg(feature = "cli")]
fn drawn(reading: &Reading) -> String {
    use miette::{GraphicalReportHandler, GraphicalTheme};
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor());
    let handler = handler.with_width(90).with_links(false);
    let mut out = String::new();
    for diagnosis in &reading.diagnostics {
        handler.render_report(&mut out, diagnosis).unwrap();
    }
    out
}

#[cfg(feature = "cli")]
#[test]
fn mistakes_in_the_course_format_are_shown_with_place_reason_and_remedy() {
    let workload = |workload: &str| format!("t = 1\nnum_client = 1\nworkload[0] = {workload}\n");
    let more = |lines: &str| workload("get('k')") + lines + "\n";
    let cases = [
        ("quote_missing", workload("put('jedi,'luke skywalker'); get('jedi')")),
        ("typographic_quote", workload("get('movie’)")),
        ("colon_for_comma", workload("slice('movie':'4:7')")),
        ("unknown_operation", workload("gett('movie'); dummy('r')")),
        ("dummy_client", more("failures[0,1] = wedge_request(-1,1), drop()")),
        ("unknown_failure", more("failures[0,1] = shuttle(0,0), chrash()")),
        ("said_differently", more("client_timeout = 3000\nclient_timeout = 4000")),
        ("stray_line", more("p")),
        ("seconds", more("client_timeout = 5\nfailures[0,0] = client_request(0,0), sleep(3)")),
        (
            "other_spellings",
            more(
                "checkpoint_num = 1\n\
                 failures[0,1] = completedCheckpoint(0), dropCheckpointStatement()",
            ),
        ),
        (
            "never_fires",
            more(
                "failures[0,0] = shuttle(0,0), drop()\n\
                 failures[0,2] = shuttle(0,1), change_operation()",
            ),
        ),
        (
            "beyond_tolerance",
            more(
                "failures[0,0] = client_request(0,0), crash()\n\
                 failures[0,1] = shuttle(0,0), crash()",
            ),
        ),
        ("no_t", "num_client = 0\n".to_owned()),
    ];
    for (name, text) in cases {
        insta::assert_snapshot!(name, drawn(&strict(&text)));
    }
}

#[cfg(feature = "cli")]
#[test]
fn mistakes_in_toml_are_shown_with_place_reason_and_remedy() {
    let cases = [
        ("unknown_key", "sede = 3\n[network]\nlatncy = \"1ms\""),
        (
            "wrong_kind",
            "seed = true\n[network]\nlatency = 5\nloss = 1.5\n[timeouts]\nclient = \"3\"",
        ),
        ("wrong_word", "accept = \"quorom\"\n[[network.link]]\nfrom = \"replca 0\"\nto = \"all\""),
        ("no_toml", "seed = = 3"),
        ("other_format", "format = 2"),
        ("inner_mistake", "[[client]]\nworkload = '''\nget('a');\nput('b)\n'''"),
        ("lacks", "[[fault]]\nwhen = \"shuttle(0,0)\"\n[[network.partition]]\nuntil = \"1s\""),
    ];
    for (name, text) in cases {
        insta::assert_snapshot!(name, drawn(&strict(&format!("protocol = \"bcr\"\n{text}\n"))));
    }
}

#[test]
fn large_files_are_read_at_once_or_refused_at_once() {
    let fill = |piece: &str| piece.repeat(MAX_BYTES / piece.len());
    let pairs: Vec<String> =
        (0..40_000).map(|number| format!("shuttle(0,{number}),drop()")).collect();
    let texts = [
        fill("t = 1\n"),
        fill("t = 1\nt = 2\n"),
        fill("p\n"),
        fill("unknown = 1\n"),
        format!("t = 1\nworkload[0] = {}", &fill("get('k);")[96..]),
        format!("t = 1\nworkload[0] = {}", &fill(";")[100..]),
        format!("t = 1\nworkload[0] = {}", &fill("a(")[100..]),
        format!("t = 1\nnum_client = 10000\nfailures[0,1] = {}", pairs.join(";")),
        format!("protocol = 'bcr'\n{}", &fill("[[client]]\n")[100..]),
        format!("protocol = 'bcr'\n{}", &fill("[[fault]]\n")[100..]),
        fill("a = \n"),
    ];
    for text in texts {
        assert!(text.len() <= MAX_BYTES);
        assert!(strict(&text).diagnostics.len() <= 201);
    }
}

#[test]
fn a_lenient_reader_repairs_and_warns() {
    let text = "t = 1\nnum_client = 1\n\
                workload[0] = put('jedi,'luke skywalker'); slice('jedi':'0:4')\n\
                failures[0,1] = wedge_request(-1,0), extra_op(2)\np\n";
    let reading = lenient(text);
    assert_eq!(reading.diagnostics.len(), 5);
    let scenario = reading.scenario.unwrap();
    let workload = scenario.clients[0].workload.to_string();
    assert_eq!(workload, "put('jedi','luke skywalker'); slice('jedi','0:4')");
    assert_eq!(pairs(&scenario.faults[0]), ["wedge_request(0), extra_op()"]);
}

#[test]
fn files_that_are_no_text_are_refused() {
    let reading = read("scenario", b"t = 1\n\xff", &ReadOptions::default());
    assert_eq!(
        findings(&reading),
        "scenario:2:1: error: byte 6 is not UTF-8 (help: save the file in UTF-8)"
    );
    let reading = read("scenario", &vec![b' '; MAX_BYTES + 1], &ReadOptions::default());
    assert!(reading.scenario.is_none());
    let deep = format!("protocol = {}", "[".repeat(100_000));
    assert!(strict(&deep).scenario.is_none());
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z ]{0,6}", "\\PC{0,8}", any::<String>()]
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        (text(), text()).prop_map(|(key, value)| Operation::put(&key, &value)),
        text().prop_map(|key| Operation::get(&key)),
        (text(), text()).prop_map(|(key, value)| Operation::append(&key, &value)),
        (text(), any::<u64>(), any::<u64>()).prop_map(|(key, a, b)| Operation::slice(&key, a, b)),
    ]
}

fn item() -> impl Strategy<Value = Item> {
    prop_oneof![
        4 => operation().prop_map(Item::Fixed),
        1 => (any::<u64>(), 0..1_000_000_000_u64)
            .prop_map(|(seed, count)| Item::Pseudorandom { seed, count }),
        1 => Just(Item::Reconfigure),
    ]
}

fn party() -> impl Strategy<Value = Party> {
    prop_oneof![
        Just(Party::All),
        Just(Party::Olympus),
        Just(Party::Clients),
        Just(Party::Replicas),
        any::<u32>().prop_map(Party::Client),
        any::<u32>().prop_map(Party::Position),
        any::<(u32, u32)>()
            .prop_map(|(configuration, position)| Party::Replica { configuration, position }),
    ]
}

fn latency() -> impl Strategy<Value = Latency> {
    let two = || (1..u64::MAX / 2, 0..u64::MAX / 2).prop_map(|(a, b)| (a, a + b));
    prop_oneof![
        any::<u64>().prop_map(|ns| Latency::Fixed { ns }),
        two().prop_map(|(low_ns, high_ns)| Latency::Uniform { low_ns, high_ns }),
        (1..u64::MAX).prop_map(|mean_ns| Latency::Exponential { mean_ns }),
        two().prop_map(|(median_ns, p99_ns)| Latency::LongTail { median_ns, p99_ns }),
    ]
}

fn probability() -> impl Strategy<Value = Probability> {
    any::<u64>().prop_map(Probability::from_bits)
}

fn link_change() -> impl Strategy<Value = LinkChange> {
    let kind = prop_oneof![Just(LinkKind::Stream), Just(LinkKind::Datagram)];
    (
        option::of(kind),
        option::of(latency()),
        option::of(probability()),
        option::of(1..u64::MAX),
        option::of(probability()),
        option::of(probability()),
        option::of(1..u64::MAX),
    )
        .prop_map(|(kind, latency, loss, retransmit_ns, duplicate, reorder, bandwidth)| {
            LinkChange { kind, latency, loss, retransmit_ns, duplicate, reorder, bandwidth }
        })
}

fn partition() -> impl Strategy<Value = Partition> {
    let parties = || vec(party(), 0..3);
    let cut = prop_oneof![
        vec(parties(), 0..3).prop_map(Cut::Groups),
        (parties(), parties()).prop_map(|(from, to)| Cut::OneWay { from, to }),
    ];
    (0..u64::MAX / 2, option::of(1..u64::MAX / 2), cut).prop_map(|(from_ns, long, cut)| Partition {
        from_ns,
        until_ns: long.map(|long| from_ns + long),
        cut,
    })
}

fn network() -> impl Strategy<Value = Network> {
    let over = (party(), party(), link_change());
    let over = over.prop_map(|(from, to, change)| LinkOverride { from, to, change });
    (link_change(), vec(over, 0..3), vec(partition(), 0..3)).prop_map(
        |(change, overrides, partitions)| Network {
            link: change.apply(Link::default()),
            overrides,
            partitions,
        },
    )
}

fn process() -> impl Strategy<Value = ProcessTrouble> {
    let jump = (any::<u64>(), -i64::MAX..).prop_map(|(at_ns, by_ns)| Jump { at_ns, by_ns });
    let pause = any::<(u64, u64)>().prop_map(|(at_ns, for_ns)| Pause { at_ns, for_ns });
    let restart = any::<(u64, bool)>();
    let restart = restart.prop_map(|(after_ns, with_memory)| Restart { after_ns, with_memory });
    let crash = (any::<u64>(), option::of(restart));
    let crash = crash.prop_map(|(at_ns, restart)| Crash { at_ns, restart });
    let (offset, rate) = (option::of(-i64::MAX..), option::of(1..u64::MAX));
    let (jumps, pauses, crashes) = (vec(jump, 0..2), vec(pause, 0..2), vec(crash, 0..2));
    (party(), offset, rate, jumps, pauses, crashes).prop_map(
        |(which, clock_offset_ns, clock_rate_ppb, jumps, pauses, crashes)| ProcessTrouble {
            which,
            clock_offset_ns,
            clock_rate_ppb,
            jumps,
            pauses,
            crashes,
        },
    )
}

fn bcr() -> impl Strategy<Value = Bcr> {
    let rules = (
        prop_oneof![Just(Accept::Chain), Just(Accept::Quorum)],
        prop_oneof![Just(Deliver::Final), Just(Deliver::CaughtUp)],
        prop_oneof![Just(CheckpointProof::Everybody), Just(CheckpointProof::Quorum)],
        option::of(proptest::sample::select(Quirk::ALL)),
    );
    let time = 1..u64::MAX;
    (0..=50_u32, rules, [time.clone(), time.clone(), time.clone(), time], option::of(1..u64::MAX))
        .prop_map(|(t, (accept, deliver, checkpoint_proof, quirk), times, checkpoint_every)| Bcr {
            t,
            accept,
            deliver,
            checkpoint_proof,
            quirk,
            client_timeout_ns: times[0],
            head_timeout_ns: times[1],
            nonhead_timeout_ns: times[2],
            olympus_timeout_ns: times[3],
            checkpoint_every,
        })
}

fn pool() -> impl Strategy<Value = Arc<Pool>> {
    let lengths =
        (0..1000_u32, 0..1000_u32).prop_map(|(min, more)| Lengths { min, max: min + more });
    let weights = (1..u16::MAX, any::<u16>(), any::<u16>(), any::<u16>());
    let weights = weights.prop_map(|(put, get, append, slice)| Weights { put, get, append, slice });
    let keys = vec(text().prop_map(Arc::from), 1..3);
    let other =
        (keys, weights, lengths.clone(), lengths).prop_map(|(keys, weights, put, append)| {
            PoolSettings { keys, weights, put_lengths: put, append_lengths: append }
        });
    let settings = prop_oneof![Just(PoolSettings::default()), other];
    settings.prop_map(|settings| Arc::new(Pool::new(settings).unwrap()))
}

fn expect() -> impl Strategy<Value = Expect> {
    let verdict = proptest::sample::select(vec![
        Verdict::Held,
        Verdict::Broken,
        Verdict::BeyondTolerance,
        Verdict::Undecided,
    ]);
    let map = || btree_map(text(), text(), 0..3);
    let count = (0..u64::MAX / 2, option::of(0..u64::MAX / 2))
        .prop_map(|(least, more)| Count { least, most: more.map(|more| least + more) });
    let kind = proptest::sample::select(crate::protocol::bcr::Note::NAMES);
    let event = (kind, map(), count).prop_map(|(kind, fields, count)| ExpectedEvent {
        kind: kind.to_owned(),
        fields,
        count,
    });
    (
        option::of(verdict),
        option::of(any::<u64>()),
        (option::of(any::<u64>()), vec(vec(any::<u32>(), 0..3), 0..3)),
        option::of(map()),
        any::<bool>(),
        btree_map(any::<u32>(), vec(text(), 0..3), 0..3),
        option::of(text()),
        vec(event, 0..2),
    )
        .prop_map(
            |(
                verdict,
                answered,
                (reconfigurations, quorums),
                dictionary,
                exact,
                results,
                digest,
                events,
            )| {
                Expect {
                    verdict,
                    answered,
                    reconfigurations,
                    quorums,
                    dictionary,
                    dictionary_exact: exact,
                    results,
                    digest,
                    events,
                }
            },
        )
}

fn fault() -> impl Strategy<Value = Fault> {
    (any::<u32>(), any::<u32>(), any_trigger(), vec(any_failure(), 1..3)).prop_map(
        |(configuration, replica, trigger, failures)| Fault {
            configuration,
            replica,
            trigger,
            failures,
        },
    )
}

fn hosts() -> impl Strategy<Value = Hosts> {
    let indices = || vec(any::<u32>(), 0..3);
    (vec(text(), 0..3), option::of(any::<u32>()), indices(), indices())
        .prop_map(|(names, olympus, clients, replicas)| Hosts { names, olympus, clients, replicas })
}

fn scenario() -> impl Strategy<Value = Scenario> {
    let signatures = prop_oneof![Just(Signatures::Ideal), Just(Signatures::Ed25519)];
    let schedule = prop_oneof![
        Just(Schedule::Timed),
        (1..u64::MAX).prop_map(|mean_ns| Schedule::Random { mean_ns }),
        (any::<u32>(), 1..u64::MAX).prop_map(|(changes, length)| Schedule::Pct { changes, length }),
    ];
    let limits = (1..u64::MAX, 1..u64::MAX).prop_map(|(time_ns, steps)| Limits { time_ns, steps });
    let choice = (0..9_u32, any::<u64>()).prop_map(|(number, answer)| Choice {
        site: format!("loss: client {number} -> replica 0.0: client_request {number}/3"),
        answer,
    });
    let description = vec("[a-z#]( ?[a-z#=\\[]){0,5}", 0..3);
    let first = (description, option::of(text()), any::<u64>(), bcr(), signatures, schedule);
    let second = (vec(vec(item(), 0..6), 0..3), pool(), network(), vec(process(), 0..2), limits);
    let third = (vec(fault(), 0..3), vec(choice, 0..2), expect(), hosts());
    (first, second, third).prop_map(|(first, second, third)| {
        let (description, name, seed, bcr, signatures, schedule) = first;
        let (workloads, pool, network, processes, limits) = second;
        let (faults, choices, expect, hosts) = third;
        let client =
            |items: Vec<Item>| Client { workload: Workload::new(items, Arc::clone(&pool)) };
        Scenario {
            description: description.join("\n"),
            name,
            seed,
            protocol: Protocol::Bcr(bcr),
            signatures,
            schedule,
            clients: workloads.into_iter().map(client).collect(),
            pool: Arc::clone(&pool),
            network,
            processes,
            limits,
            faults,
            choices,
            expect,
            hosts,
        }
    })
}

/// What slips into a file by mistake.
const DAMAGE: &str = "\\PC{0,3}|['\"()\\[\\];,=#\n\r\\\\{}]{0,3}";

proptest! {
    #[test]
    fn what_is_written_is_read_again(scenario in scenario()) {
        let toml = to_toml(&scenario);
        let reading = strict(&toml);
        let errors = reading.diagnostics.iter().filter(|one| one.severity() == Severity::Error);
        let errors: Vec<String> = errors.map(Diagnosis::compact).collect();
        prop_assert_eq!(errors, Vec::<String>::new(), "{}", toml);
        prop_assert_eq!(reading.scenario, Some(scenario), "{}", toml);
    }

    #[test]
    fn no_bytes_are_too_much(bytes: Vec<u8>, text in "\\PC*", path in "[a-z.0-9]{0,12}") {
        for bytes in [&bytes[..], text.as_bytes()] {
            let _ = read("scenario", bytes, &ReadOptions::default());
        }
        for line in ["workload[0]", "failures[0,0]", "test_dict", "expectedResult[0]", "hosts"] {
            let _ = lenient(&format!("t = 1\n{line} = {text}"));
        }
        let _ = set(COURSE, &path, &text);
        let _ = set("protocol = 'bcr'", &path, &text);
    }

    #[test]
    fn no_damage_is_too_much(
        cuts in vec((0..4000_usize, 0..12_usize, DAMAGE), 1..6),
        toml: bool,
        forgiving: bool,
    ) {
        let mut text = match toml {
            true => template("bcr").unwrap().to_owned(),
            false => COURSE.to_owned(),
        };
        for (at, long, with) in cuts {
            let start = text.floor_char_boundary(at % (text.len() + 1));
            let end = text.floor_char_boundary((start + long).min(text.len())).max(start);
            text.replace_range(start..end, &with);
        }
        let options = ReadOptions { lenient: forgiving, ..ReadOptions::default() };
        let reading = read("scenario", text.as_bytes(), &options);
        for diagnosis in &reading.diagnostics {
            prop_assert!(!diagnosis.remedy().is_empty(), "{}", diagnosis.compact());
            prop_assert!(diagnosis.span().end <= diagnosis.source().text().len());
        }
    }
}

/// A comment of the course format may have signs that a comment in TOML may not.
#[test]
fn a_description_can_be_written_whatever_is_in_it() {
    let comment = "# nul \0, bell \x07, tab \t, é\n# and more\n";
    let text = format!("{comment}t = 0\nnum_client = 1\nworkload[0] = get('a')\n");
    let scenario = read("odd", text.as_bytes(), &ReadOptions::default()).scenario.unwrap();
    assert_eq!(scenario.description, "nul \u{fffd}, bell \u{fffd}, tab \t, é\nand more");
    let again = read("again", to_toml(&scenario).as_bytes(), &ReadOptions::default());
    assert_eq!(again.scenario, Some(scenario));
}
