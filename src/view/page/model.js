// What was drawn up for this page, unpacked: events are columns of numbers, content is a pool of
// nodes. In a page of two runs the events of the second stand behind those of the first, and so do
// its lanes; an event is known by its place in the columns, a lane by its place among the lanes.

const DATA = JSON.parse(document.getElementById("data").textContent);
const STARTED_MS = performance.now();

const NAMES = DATA.names;
const WHATS = DATA.whats.map(([word, kind]) => ({
  word: NAMES[word],
  kind: kind > 0 ? NAMES[kind - 1] : "",
}));

// Runs, each with the range of its events: from `first` up to `end`, which is not one of them.
const runs = [];
const lanes = [];
const eventCount = DATA.runs.reduce((count, run) => count + run.at.length, 0);

const numberOf = new Float64Array(eventCount);
const atOf = new Float64Array(eventCount);
const laneOf = new Int32Array(eventCount);
const whatOf = new Int32Array(eventCount);
const causeOf = new Int32Array(eventCount).fill(-1);
const sentOf = new Int32Array(eventCount).fill(-1);
const peerOf = new Int32Array(eventCount).fill(-1);
const contentOf = new Int32Array(eventCount);
const beforeOf = new Int32Array(eventCount).fill(-1);
const rowOf = new Int32Array(eventCount);
// How many like it were sent the same way before; only where there were.
const copyOf = new Map();
const mateOf = new Int32Array(eventCount).fill(-1);
// 0 as in the other run, 1 there alone, 2 with other content than its mate.
const markOf = new Uint8Array(eventCount);
let rowCount = 0;

// Which run it is: what it was made of, and what was changed in that.
const titleOf = (run) => [run.title, run.changed].filter(Boolean).join(" ");

// The same where there is little room: without the folder, unless that alone tells two files apart;
// and of a file that stands beside itself, only what was changed.
function shortTitleOf(run) {
  const brief = (of) => of.title.split(/[/\\]/).pop();
  const other = runs[1 - run.index];
  if (other && other.title === run.title && run.changed) return run.changed;
  const isAlike = other && other.title !== run.title && brief(other) === brief(run);
  return isAlike ? titleOf(run) : [brief(run), run.changed].filter(Boolean).join(" ");
}

function unpackRun(packed, index) {
  const first = runs.length ? runs[runs.length - 1].end : 0;
  const count = packed.at.length;
  const run = {
    index, first, end: first + count, title: packed.title, changed: packed.changed,
    summary: packed.summary, remark: packed.remark, alone: packed.alone,
    verdict: packed.verdict || null,
    firstLane: lanes.length, fields: packed.fields, numbered: !packed.number,
  };
  runs.push(run);
  for (const lane of packed.lanes) {
    lanes.push({
      ...lane, run: index, index: lanes.length, events: [], changes: new Map(), messages: 0,
    });
  }
  run.endLane = lanes.length;
  unpackEvents(packed, run);
  unpackStates(packed, run);
  unpackBeside(packed, run);
  return run;
}

function unpackEvents(packed, run) {
  let number = 0;
  let at = 0;
  for (let i = 0; i < packed.at.length; i++) {
    const event = run.first + i;
    number += packed.number ? packed.number[i] : 1;
    at += packed.at[i];
    numberOf[event] = number;
    atOf[event] = at;
    const lane = lanes[run.firstLane + packed.process[i]];
    laneOf[event] = lane.index;
    beforeOf[event] = lane.events.length ? lane.events[lane.events.length - 1] : -1;
    lane.events.push(event);
    whatOf[event] = packed.what[i];
    contentOf[event] = packed.content[i] - 1;
    if (packed.peer[i] > 0) peerOf[event] = run.firstLane + packed.peer[i] - 1;
    if (packed.cause[i] > 0) causeOf[event] = eventWith(run, number - packed.cause[i], event);
    if (packed.sent[i] > 0) sentOf[event] = eventWith(run, number - packed.sent[i], event);
    rowOf[event] = i;
  }
  for (let i = 0; i + 1 < packed.copies.length; i += 2) {
    copyOf.set(run.first + packed.copies[i], packed.copies[i + 1]);
  }
  rowCount = Math.max(rowCount, packed.at.length);
}

// The event of a run with this number, among those before `end`; -1 for none.
function eventWith(run, number, end = run.end) {
  if (run.numbered) {
    const event = run.first + number - 1;
    return event >= run.first && event < end ? event : -1;
  }
  let low = run.first;
  let high = end;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numberOf[middle] < number) low = middle + 1; else high = middle;
  }
  return low < end && numberOf[low] === number ? low : -1;
}

// For each lane and field its changes in their order: after which event, what stays of the old
// text in front and at the back, and what is new.
function unpackStates(packed, run) {
  let after = 0;
  const changes = packed.changes;
  for (let i = 0; i + 5 < changes.length; i += 6) {
    after += changes[i];
    const lane = lanes[run.firstLane + changes[i + 1]];
    const name = run.fields[changes[i + 2]];
    if (!lane.changes.has(name)) lane.changes.set(name, []);
    lane.changes.get(name).push({
      after, front: changes[i + 3], back: changes[i + 4], text: changes[i + 5],
    });
  }
}

function unpackBeside(packed, run) {
  const beside = packed.beside;
  if (!beside) return;
  let row = 0;
  beside.row.forEach((step, i) => {
    row += step;
    rowOf[run.first + i] = row;
    rowCount = Math.max(rowCount, row + 1);
  });
  for (const [steps, mark] of [[beside.alone, 1], [beside.changed, 2]]) {
    let place = 0;
    for (const step of steps) {
      place += step;
      markOf[run.first + place] = mark;
    }
  }
}

DATA.runs.forEach(unpackRun);
if (runs.length === 2 && DATA.runs[0].beside) {
  DATA.runs[0].beside.mate.forEach((mate, i) => {
    if (mate === null) return;
    mateOf[i] = runs[1].first + mate;
    mateOf[runs[1].first + mate] = i;
  });
}
const isComparison = runs.length === 2;
const runOf = (event) => runs[lanes[laneOf[event]].run];
const wordOf = (event) => WHATS[whatOf[event]].word;
const kindOf = (event) => WHATS[whatOf[event]].kind;

// What led to it directly: its cause, the sending of what was received, and the event before it at
// the same process.
const leadsTo = (event) => [causeOf[event], sentOf[event], beforeOf[event]];

// A node of the pool as a script has it: fields in a Map, so that no name means anything.
function content(node) {
  const value = DATA.nodes[node];
  if (!Array.isArray(value)) return value;
  if (value[0] === 0) return value.slice(1).map(content);
  const fields = new Map();
  DATA.shapes[value[0] - 1].forEach((name, i) => fields.set(name, content(value[i + 1])));
  return fields;
}

// The fields of an event's content; a Map, perhaps empty.
function fieldsOf(event) {
  const fields = contentOf[event] < 0 ? null : content(contentOf[event]);
  return fields instanceof Map ? fields : new Map();
}

// One field of an event's content without unpacking the others.
function fieldOf(event, name) {
  const node = contentOf[event] < 0 ? null : DATA.nodes[contentOf[event]];
  if (!Array.isArray(node) || node[0] === 0) return undefined;
  const place = DATA.shapes[node[0] - 1].indexOf(name);
  return place < 0 ? undefined : content(node[place + 1]);
}

// A field of a state after an event: its text and after which event it became that; nothing
// before it was first told.
function fieldAfter(lane, name, number) {
  const changes = lane.changes.get(name) || [];
  let end = partition(changes.length, (i) => changes[i].after <= number);
  if (end === 0 || changes[end - 1].text === null) return null;
  let start = end - 1;
  while (start > 0 && changes[start].front + changes[start].back > 0) start--;
  let text = "";
  for (let i = start; i < end; i++) {
    const { front, back, text: part } = changes[i];
    text = text.slice(0, front) + part + text.slice(text.length - back);
  }
  return { text, after: changes[end - 1].after };
}

// The state of a process after an event, by its number: each field with its text and since when.
function stateOf(lane, number) {
  const state = [];
  for (const name of lane.changes.keys()) {
    const field = fieldAfter(lane, name, number);
    if (field) state.push({ name, ...field });
  }
  return state;
}

// How many of the numbers from 0 to `count` pass, which are those at the front.
function partition(count, passes) {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (passes(middle)) low = middle + 1; else high = middle;
  }
  return low;
}

// The last event of a run whose row is not below this one; -1 before the first.
function lastEventAt(run, row) {
  const count = partition(run.end - run.first, (i) => rowOf[run.first + i] <= row);
  return count === 0 ? -1 : run.first + count - 1;
}

// A moment in seconds, with as many digits as it needs.
function momentText(ns) {
  const seconds = Math.floor(ns / 1e9);
  const rest = String(Math.round(ns - seconds * 1e9)).padStart(9, "0").replace(/0+$/, "");
  return `${seconds}.${rest.padEnd(1, "0")} s`;
}

// A piece of content in a line.
function plainText(value) {
  if (value === null || value === undefined) return "–";
  if (value instanceof Map) {
    const seal = sealText(value);
    if (seal) return seal;
    return `{${[...value].map(([name, part]) => `${name}=${plainText(part)}`).join(" ")}}`;
  }
  if (Array.isArray(value)) return `[${value.map(plainText).join(", ")}]`;
  return String(value);
}

// A signature, if that is what it is.
function sealText(value) {
  if (value.size !== 2 || !value.has("signer") || !value.has("valid")) return "";
  return value.get("valid")
    ? `signed by ${value.get("signer")}` : `falsely signed as ${value.get("signer")}`;
}

// What clients ask, as `put(k, v)`.
function operationText(operation) {
  if (!(operation instanceof Map)) return plainText(operation);
  return [...operation].map(([name, inner]) => {
    const values = inner instanceof Map ? [...inner.values()].map(plainText) : [plainText(inner)];
    return `${name}(${values.join(", ")})`;
  }).join(" ");
}

const eventName = (event) => {
  const prefix = isComparison ? ["A ", "B "][runOf(event).index] : "";
  return `${prefix}#${numberOf[event]}`;
};

const whatText = (event) => {
  const { word, kind } = WHATS[whatOf[event]];
  return kind ? `${word} ${kind}` : word;
};

// What judges found, by run: what, where, and at which event.
function findingsOf(run) {
  const rulings = (run.verdict && run.verdict.rulings) || [];
  return rulings.filter((ruling) => ruling.broken).map((ruling) => ({
    judge: ruling.judge,
    text: ruling.broken.text,
    event: eventWith(run, ruling.broken.event),
    number: ruling.broken.event,
  }));
}
const findings = runs.flatMap(findingsOf);
const findingsAt = new Map();
for (const finding of findings) {
  if (finding.event < 0) continue;
  if (!findingsAt.has(finding.event)) findingsAt.set(finding.event, []);
  findingsAt.get(finding.event).push(finding);
}
