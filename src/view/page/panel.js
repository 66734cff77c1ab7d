// What is told in words: an event, a process, the whole run, what is shown. Everything that comes
// from a run goes in as text, never as markup.

// An element with attributes and children; a text is a child as it is.
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") {
      for (const [type, act] of Object.entries(value)) element.addEventListener(type, act);
    } else if (name in element && name !== "list" && name !== "style") {
      element[name] = value;
    } else {
      element.setAttribute(name, value);
    }
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const button = (text, title, click, attributes = {}) =>
  make("button", { type: "button", title, on: { click }, ...attributes }, text);

// A link to an event.
function eventLink(event, text = "") {
  const shown = text || `${eventName(event)} ${whatText(event)}`;
  return make("a", {
    href: linkTo(event), className: "event-link", title: describe(event),
    on: { click: (click) => { click.preventDefault(); selectEvent(event); } },
  }, shown);
}

function laneLink(lane) {
  if (lane < 0) return "nobody";
  return make("a", {
    href: `#p=${encodeURIComponent(lanes[lane].name)}`, className: "lane-link",
    on: { click: (click) => { click.preventDefault(); selectLane(lane); } },
  }, laneName(lanes[lane]));
}

const laneName = (lane) => (isComparison ? `${["A", "B"][lane.run]}: ${lane.name}` : lane.name);

// An event in a sentence.
function describe(event) {
  const peer = peerOf[event] < 0 ? "" : ` ${wordOf(event) === "received" ? "from" : "to"} `
    + lanes[peerOf[event]].name;
  const label = wordOf(event) === "noted" || wordOf(event) === "injected" ? labelOf(event) : "";
  return `${eventName(event)} at ${momentText(atOf[event])}, ${lanes[laneOf[event]].name}: `
    + `${whatText(event)}${peer}${label ? ` – ${label}` : ""}`;
}

// Content as a tree that opens and closes; what fits a line stands in it.
function tree(fields, depth = 0) {
  const rows = [...fields].map(([name, value]) => treeRow(name, value, depth));
  return make("dl", { className: "tree" }, ...rows.flat());
}

function treeRow(name, value, depth) {
  const isSmall = !(value instanceof Map || Array.isArray(value))
    || (value instanceof Map && sealText(value) !== "") || value.size === 0 || value.length === 0;
  const moment = /_ns_*$/.test(name) && typeof value === "number" ? ` (${momentText(value)})` : "";
  if (isSmall) {
    return [
      make("dt", {}, name),
      make("dd", { className: falseSeal(value) ? "bad" : "" }, leafText(value) + moment),
    ];
  }
  const whole = plainText(value);
  const parts = value instanceof Map ? value : value.map((part, i) => [String(i), part]);
  const count = Array.isArray(value) ? `${value.length} × ` : "";
  const isOpen = whole.length <= 160 && depth < 3;
  const details = make("details", { open: isOpen },
    make("summary", {}, make("span", { className: "name" }, name), " ",
      make("span", { className: "whole" }, count + clipped(whole, 120))));
  // A large tree is made when somebody opens it.
  const fill = () => {
    if (details.open && !details.dataset.filled) {
      details.dataset.filled = "yes";
      details.append(tree(parts, depth + 1));
    }
  };
  details.addEventListener("toggle", fill);
  fill();
  return [make("dd", { className: "inner" }, details)];
}

const falseSeal = (value) => value instanceof Map && value.get("valid") === false;
const clipped = (text, length) => (text.length > length ? `${text.slice(0, length)}…` : text);

function leafText(value) {
  if (value instanceof Map) return sealText(value) || "{}";
  if (Array.isArray(value)) return "[]";
  if (value === null) return "–";
  return typeof value === "string" ? JSON.stringify(value).slice(1, -1).replace(/\\"/g, '"')
    : String(value);
}

const section = (title, ...children) =>
  make("section", {}, title ? make("h3", {}, title) : null, ...children);

const rows = (...pairs) => make("dl", { className: "rows" }, ...pairs.filter(Boolean)
  .flatMap(([name, ...value]) => [make("dt", {}, name), make("dd", {}, ...value)]));

function eventPanel(event) {
  const past = pastOf(event);
  const future = futureOf(event);
  const caused = causedBy(event);
  const fields = fieldsOf(event);
  const sent = sentOf[event];
  const isMessage = wordOf(event) === "received";
  const heading = make("h2", { id: "event-heading" },
    make("span", { className: "number" }, eventName(event)), ` ${whatText(event)}`);
  return [
    heading,
    ...(findingsAt.get(event) || []).map((finding) =>
      make("p", { className: "finding" }, `⚑ ${finding.judge}: ${finding.text}`)),
    ...differencesOf(event),
    rows(
      ["at", momentText(atOf[event])],
      ["process", laneLink(laneOf[event])],
      peerOf[event] >= 0 && [isMessage ? "from" : "to", laneLink(peerOf[event])],
      sent >= 0 && [isMessage ? "sent in" : "concerns", eventLink(sent)],
      copyOf.has(event) && ["copy", `${copyOf.get(event)} like it went the same way before`],
      isMessage && sent >= 0 && ["under way", momentText(atOf[event] - atOf[sent])],
    ),
    fields.size ? section("Content", make("div", { id: "content" }, tree(fields))) : null,
    section("Caused by",
      causeOf[event] >= 0 ? eventLink(causeOf[event]) : make("span", {}, "nothing before it")),
    section(`It caused${caused.length ? ` (${caused.length})` : ""}`,
      caused.length ? null : make("span", {}, "nothing"),
      make("ul", { id: "caused" }, ...caused.slice(0, 40).map((one) =>
        make("li", {}, eventLink(one), make("span", { className: "who" },
          ` ${laneName(lanes[laneOf[one]])}`)))),
      caused.length > 40 ? make("p", {}, `… and ${caused.length - 40} more`) : null),
    section("Light", lightChoice(countOf(past) - 1, countOf(future) - 1)),
    section("Walk", make("p", { className: "walk" },
      button("↑ before", "The event before it at this process (↑)", () => walk("before")),
      button("↓ after", "The event after it at this process (↓)", () => walk("after")),
      button("← cause", "What caused it (←)", () => walk("cause")),
      button("→ effect", "What it caused (→)", () => walk("effect")))),
  ];
}

function lightChoice(past, future) {
  const choices = [["both", "past and future"], ["past", `past (${past})`],
    ["future", `future (${future})`], ["none", "all"]];
  return make("p", { className: "choice", role: "radiogroup" }, ...choices.map(([mode, text]) =>
    make("label", {}, make("input", {
      type: "radio", name: "light", value: mode, checked: options.light === mode,
      on: { change: () => { options.light = mode; refresh(); } },
    }), ` ${text}`)));
}

// A process and its state at the time that is looked at.
function lanePanel(index) {
  const lane = lanes[index];
  const event = lastEventAt(runs[lane.run], selection.row);
  const number = event < 0 ? 0 : numberOf[event];
  const own = lane.events[partition(lane.events.length, (i) => lane.events[i] <= event) - 1];
  const state = stateOf(lane, number);
  const newest = state.reduce((most, field) => Math.max(most, field.after), 0);
  const changed = state.filter((field) => field.after === newest && newest > 0);
  return [
    make("h2", {}, laneName(lane), lane.faulty ? make("span", { className: "bad" }, " ✗ faulty")
      : null),
    rows(
      ["at", event < 0 ? "the beginning" : momentText(atOf[event])],
      own !== undefined && ["last event", eventLink(own)],
      changed.length && ["changed last", changed.map((field) => field.name).join(", "), " in ",
        stateEvent(lane, newest)],
    ),
    section("State", state.length ? make("dl", { className: "rows state", id: "state" },
      ...state.flatMap((field) => stateRow(lane, field, newest)))
      : make("p", { className: "note" }, lane.changes.size
        ? "It is not there." : "The log tells no states; write one with --states.")),
    section("", make("p", { className: "note" },
      "Move the slider below, or click in the diagram, to see it at another time.")),
  ];
}

function stateEvent(lane, after) {
  const event = eventWith(runs[lane.run], after);
  return event < 0 ? `#${after}` : eventLink(event, `#${after}`);
}

function stateRow(lane, { name, text, after }, newest) {
  const entries = dictionaryIn(text);
  const value = entries
    ? make("table", { className: "dictionary" }, ...entries.map(([key, entry]) =>
      make("tr", {}, make("th", {}, make("bdi", {}, key)), make("td", {}, make("bdi", {}, entry)))))
    : make("span", {}, text === "" ? "–" : text);
  return [
    make("dt", {}, entries ? "dictionary" : name),
    make("dd", { className: after === newest ? "new" : "", "data-field": name }, value, " ",
      make("small", {}, "since ", stateEvent(lane, after))),
  ];
}

// The entries of a dictionary that prints as `Dictionary { values: {"k": "v"} }`.
function dictionaryIn(text) {
  const found = /^\w+ \{ values: (\{.*\}) \}$/s.exec(text);
  if (!found) return null;
  try {
    // It prints as Rust does, which writes \u{1b} where JSON writes \u001b.
    const json = found[1].replace(/\\u\{([0-9a-f]{1,6})\}/g, (_, digits) => {
      const units = String.fromCodePoint(parseInt(digits, 16));
      return Array.from({ length: units.length }, (_, i) =>
        `\\u${units.charCodeAt(i).toString(16).padStart(4, "0")}`).join("");
    }).replace(/\\'/g, "'").replace(/\\0/g, "\\u0000");
    return Object.entries(JSON.parse(json));
  } catch {
    return null;
  }
}

function overviewPanel() {
  return runs.flatMap((run) => [
    make("h2", {}, isComparison ? `${["A", "B"][run.index]}: ${titleOf(run)}` : titleOf(run)),
    run.remark ? make("p", { className: "remark" }, `⚠ ${run.remark}`) : null,
    run.alone ? make("p", { className: "remark" }, `The events of ${run.alone} alone.`) : null,
    rows(
      run.summary && ["ran", run.summary],
      run.verdict && ["verdict", verdictBadge(run)],
      run.verdict && run.verdict.end && ["end", run.verdict.end],
      ["events", `${run.end - run.first} of ${run.endLane - run.firstLane} processes`],
      ["messages", fatesText(messageLists[run.index].all)],
    ),
    ...verdictSections(run),
  ]);
}

function fatesText(messages) {
  const counts = FATES.map((name, fate) =>
    [messages.filter((message) => message.fate === fate).length, name]);
  const told = counts.filter(([count]) => count).map(([count, name]) =>
    `${count} ${name === "arrives" ? "arrive" : name}`);
  return told.join(", ") || "none";
}

const VERDICTS = {
  held: ["✓ held", "good"], broken: ["✗ BROKEN", "bad"],
  beyond_tolerance: ["✗ broken, beyond what the protocol bears", "bad"],
  undecided: ["? undecided", "undecided"],
};

function verdictBadge(run) {
  const [text, name] = VERDICTS[run.verdict.verdict] || [String(run.verdict.verdict), ""];
  const missed = run.verdict.missed && run.verdict.missed.length && run.verdict.verdict === "held";
  return make("span", { className: `badge ${missed ? "bad" : name}` },
    missed ? "✗ held, but not as expected" : text);
}

// The first of some things as they are shown, and how many more there are.
function first(all, most, show) {
  const shown = all.slice(0, most).map(show);
  return all.length > most ? [...shown, `… ${all.length - most} more`] : shown;
}

function verdictSections(run) {
  const verdict = run.verdict;
  if (!verdict) return [];
  const list = (items) => make("ul", {}, ...items.map((item) => make("li", {}, ...[item].flat())));
  const found = findingsOf(run).map((finding) => [
    make("strong", {}, `⚑ ${finding.judge}: `), `${finding.text} `,
    finding.event >= 0 ? eventLink(finding.event) : `#${finding.number}`]);
  const injections = (verdict.injections || []).map((one) =>
    `${one.replica}: ${one.what} – `
    + (one.fired ? `${one.fired} ×` : one.in_vain || "never fired"));
  const clients = (verdict.clients || []).map((client, i) =>
    `client ${i}: ${client.answered} of ${client.asked} answered`);
  const entries = Object.entries(verdict.dictionary || {});
  const missed = verdict.missed || [];
  const held = (verdict.rulings || []).filter((ruling) => !ruling.broken).map((ruling) =>
    `${ruling.unknown ? "? " : "✓ "}${ruling.property} (${ruling.tested} times tested)`);
  return [
    found.length ? section("Found", make("div", { className: "finding" }, list(found))) : null,
    missed.length ? section("Expected, and did not come", list(missed)) : null,
    injections.length ? section("Failures", list(injections)) : null,
    clients.length ? section("Clients", list(first(clients, 30, (text) => text))) : null,
    entries.length ? section("Dictionary in the end", make("table", { className: "dictionary" },
      ...first(entries, 50, ([key, value]) => make("tr", {},
        make("th", {}, make("bdi", {}, key)), make("td", {}, make("bdi", {}, String(value))))),
    )) : null,
    held.length ? section("", make("details", {},
      make("summary", {}, `${held.length} judges found nothing`), list(held))) : null,
  ];
}

// What is shown: kinds, processes, one request.
function filterPanel() {
  const kinds = [...kindStyles].map(([kind, style]) => kindChoice(kind, style));
  const others = new Map();
  for (let event = 0; event < eventCount; event++) {
    if (wordOf(event) !== "noted") continue;
    others.set(kindOf(event), (others.get(kindOf(event)) || 0) + 1);
  }
  const notes = [...others].sort().map(([kind, count]) => kindChoice(kind, { count }));
  return [
    make("h2", {}, "What is shown"),
    section("Request", requestChoice()),
    section("Messages", allOrNone([...kindStyles.keys()]),
      make("ul", { className: "choices", id: "kinds" }, ...kinds)),
    section("Notes", allOrNone([...others.keys()]),
      make("ul", { className: "choices" }, ...notes)),
    section("Processes", make("ul", { className: "choices", id: "processes" },
      ...lanes.map((lane) => make("li", {}, make("label", {}, make("input", {
        type: "checkbox", checked: !isLaneHidden[lane.index],
        on: { change: (change) => {
          isLaneHidden[lane.index] = change.target.checked ? 0 : 1;
          relay();
        } },
      }), ` ${laneName(lane)}`))))),
  ];
}

function allOrNone(kinds) {
  const set = (hide) => () => {
    kinds.forEach((kind) => (hide ? hiddenKinds.add(kind) : hiddenKinds.delete(kind)));
    refresh();
  };
  return make("p", { className: "walk" }, button("all", "Show all of them", set(false)),
    button("none", "Show none of them", set(true)));
}

function kindChoice(kind, { colour, dash, count }) {
  const swatch = colour === undefined ? null : lineSample(colours.kinds[colour], dash);
  return make("li", {}, make("label", {}, make("input", {
    type: "checkbox", checked: !hiddenKinds.has(kind), value: kind,
    on: { change: (change) => {
      if (change.target.checked) hiddenKinds.delete(kind); else hiddenKinds.add(kind);
      refresh();
    } },
  }), swatch, ` ${kind} `, make("small", {}, String(count))));
}

// A stroke as the diagram has it.
function lineSample(colour, dash) {
  const space = "http" + "://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("width", "30");
  svg.setAttribute("height", "8");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(space, "path");
  line.setAttribute("d", "M1 4H29");
  line.setAttribute("stroke", colour);
  line.setAttribute("stroke-width", "2");
  line.setAttribute("stroke-dasharray", dash.join(" "));
  svg.append(line);
  return svg;
}

const MOST_REQUESTS = 2000;

function requestChoice() {
  const choice = make("select", {
    id: "request", "aria-label": "Request",
    on: { change: (change) => chooseRequest(Number(change.target.value)) },
  }, make("option", { value: "-1" }, `all ${requests.length} requests`),
  ...requests.slice(0, MOST_REQUESTS).map((request, i) =>
    make("option", { value: String(i) }, clipped(requestText(request), 90))));
  choice.value = String(options.request);
  const more = requests.length > MOST_REQUESTS
    ? make("p", { className: "note" }, `The first ${MOST_REQUESTS}; search for others.`) : null;
  return make("div", {}, choice, more);
}

function helpPanel() {
  const keys = [
    ["↑ ↓", "events of one process"], ["← →", "to the cause, to the effect"],
    ["/", "search; Enter and Shift-Enter go on"], ["n p", "next and previous: found or differing"],
    ["+ −", "zoom"], ["0", "the whole run"], ["[ ]", "narrower and wider lanes"],
    ["t", "steps or true time"], ["f", "what is shown"], ["d", "dark or light"],
    ["Esc", "let go"], ["?", "this"],
  ];
  const signs = [
    ["●", "a small dot: something was sent or received; larger: a note"],
    ["╳ on an arrow", "lost, dropped, or nobody there to receive it"],
    ["‖ on an arrow", "held by a partition that does not end"],
    ["⚡ ◆", "a failure was injected"], ["✗", "crashed; in a header: faulty"],
    ["■", "stopped"], ["○", "born"], ["◷", "a timer is set, cancelled, runs out"],
    ["⚑", "a judge's finding"],
    ["thick dashed lane", "immutable (wedged)"], ["dotted lane", "pending, or gone"],
    ["hatched lane", "stands still"],
    ["+ and ≠", "in a comparison: only in this run; with another content"],
  ];
  const table = (all) => make("dl", { className: "rows" }, ...all.flatMap(([sign, text]) =>
    [make("dt", {}, sign), make("dd", {}, text)]));
  return [
    make("h2", {}, "How to read it"), section("Keys", table(keys)),
    section("Pointer", make("p", {}, "Drag or turn the wheel to move; Ctrl and the wheel, or two "
      + "fingers, to zoom. Click an event, a message, or a process's name.")),
    section("Signs", table(signs)),
  ];
}
