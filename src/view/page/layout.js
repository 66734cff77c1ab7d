// Where everything stands: lanes from left to right, events downwards, messages between them.
// Heights are in units, of which a screen's pixel is one at zoom 1.

const view = {
  // Pixels of the diagram that are left of and above the visible part.
  x: 0, y: 0,
  zoom: 1,
  // How heights tell time: "steps" has a row for each event and wider gaps for longer times,
  // "time" is as long as the time is.
  scale: "steps",
  laneWidth: 120,
  width: 800, height: 600,
};

const MIN_LANE = isComparison ? 34 : 58;
const MAX_LANE = 190;
const GROUP_GAP = 18;
const RUN_GAP = 36;
const gutter = () => (view.width < 600 ? 58 : 84);

const heightOf = new Float64Array(eventCount);
let totalHeight = 1;

// How far an event stands below the one before it: what one process does at one instant stands
// close together, and a wait shows by its magnitude.
function gapBetween(before, event) {
  const wait = atOf[event] - atOf[before];
  if (wait > 0) return 17 + 4 * Math.log10(1 + wait / 1000);
  return laneOf[before] === laneOf[event] ? 15 : 17;
}

function placeBySteps() {
  // A row is as far below the one before it as any run wants it to be.
  const gaps = new Float64Array(rowCount + 1);
  for (const run of runs) {
    for (let event = run.first + 1; event < run.end; event++) {
      const rows = Math.max(1, rowOf[event] - rowOf[event - 1]);
      const each = Math.max(14, gapBetween(event - 1, event) / rows);
      for (let row = rowOf[event] - rows + 1; row <= rowOf[event]; row++) {
        gaps[row] = Math.max(gaps[row], each);
      }
    }
  }
  const tops = new Float64Array(rowCount + 1);
  for (let row = 1; row <= rowCount; row++) tops[row] = tops[row - 1] + (gaps[row] || 14);
  for (let event = 0; event < eventCount; event++) heightOf[event] = tops[rowOf[event]];
  totalHeight = Math.max(1, tops[Math.max(0, rowCount - 1)]);
}

function placeByTime() {
  placeBySteps();
  const start = runs.reduce((least, run) => Math.min(least, atOf[run.first] || 0), Infinity);
  const last = runs.reduce((most, run) => Math.max(most, atOf[run.end - 1] || 0), 0);
  const span = Math.max(1, last - start);
  for (let event = 0; event < eventCount; event++) {
    heightOf[event] = ((atOf[event] - start) / span) * totalHeight;
  }
}

function placeEvents() {
  if (view.scale === "time") placeByTime(); else placeBySteps();
  for (const list of messageLists) list.measure();
}

const laneX = new Float64Array(lanes.length);
const isLaneHidden = new Uint8Array(lanes.length);
let totalWidth = 0;
// Lanes under one band: what the band says, and from where to where it goes.
let bands = [];

function groupOf(lane) {
  if (lane.configuration !== null && lane.configuration !== undefined) {
    return `configuration ${lane.configuration}`;
  }
  return /^(client|gateway) /.test(lane.name) ? "clients" : "";
}

function placeLanes() {
  const shown = lanes.filter((lane) => !isLaneHidden[lane.index]);
  let gaps = 0;
  shown.forEach((lane, i) => { gaps += i ? gapBefore(shown[i - 1], lane) : 0; });
  const room = view.width - gutter() - mapWidth() - gaps - 24;
  const fitting = Math.floor(room / Math.max(1, shown.length));
  view.laneWidth = Math.round(
    Math.min(MAX_LANE, Math.max(MIN_LANE, fitting)) * (view.laneZoom || 1));
  let x = gutter() + 10;
  bands = [];
  shown.forEach((lane, i) => {
    x += i ? gapBefore(shown[i - 1], lane) : 0;
    laneX[lane.index] = x + view.laneWidth / 2;
    const [last, text] = [bands[bands.length - 1], groupOf(lane)];
    if (last && last.text === text && last.run === lane.run) last.right = x + view.laneWidth;
    else bands.push({ text, run: lane.run, left: x, right: x + view.laneWidth });
    x += view.laneWidth;
  });
  totalWidth = x + 14 + mapWidth();
}

const mapWidth = () => (view.width < 600 ? 26 : 54);

function gapBefore(before, lane) {
  if (before.run !== lane.run) return RUN_GAP;
  return groupOf(before) === groupOf(lane) ? 0 : GROUP_GAP;
}

// Where things are on the screen.
const screenX = (lane) => laneX[lane] - view.x;
const screenY = (event) => heightOf[event] * view.zoom - view.y + TOP;
// Room above the first event.
const TOP = 26;

// The visible events of a run: from the first up to one that is not visible any more.
function visibleEvents(run, margin = 20) {
  const count = run.end - run.first;
  const top = (view.y - TOP - margin) / view.zoom;
  const bottom = (view.y - TOP + view.height + margin) / view.zoom;
  return [
    run.first + partition(count, (i) => heightOf[run.first + i] < top),
    run.first + partition(count, (i) => heightOf[run.first + i] <= bottom),
  ];
}

// What became of a message: it arrives, arrives and is dropped, is lost, held, has no receiver,
// or was under way when the run ended.
const ARRIVES = 0;
const DROPPED = 1;
const LOST = 2;
const HELD = 3;
const UNREACHABLE = 4;
const UNDER_WAY = 5;
const FATES = ["arrives", "dropped", "lost", "held", "unreachable", "under way"];

// The messages of a run, in the order of their sending, in chunks of which each knows how far down
// it reaches: a long message is seen though it began far above.
class Messages {
  constructor(run) {
    this.run = run;
    this.all = [];
    this.chunks = [];
    this.gather();
    this.all.sort((one, other) => this.start(one) - this.start(other));
  }

  start(message) {
    return message.from < 0 ? message.to : message.from;
  }

  gather() {
    const dropped = droppedEvents(this.run);
    const settled = new Set();
    for (let event = this.run.first; event < this.run.end; event++) {
      const word = wordOf(event);
      const sent = sentOf[event];
      if (word === "received") {
        const fate = dropped.has(event) ? DROPPED : ARRIVES;
        const lane = sent < 0 ? peerOf[event] : laneOf[sent];
        this.add(sent, event, lane, laneOf[event], fate, whatOf[event]);
      } else if ((word === "lost" || word === "held") && sent >= 0) {
        const fate = word === "lost" ? LOST : HELD;
        this.add(sent, event, laneOf[sent], peerOf[sent], fate, whatOf[sent]);
      } else if (word === "unreachable") {
        this.add(event, event, laneOf[event], peerOf[event], UNREACHABLE, whatOf[event]);
      }
      if (["received", "lost", "held"].includes(word) && sent >= 0) settled.add(sent);
    }
    // In the log of one process nothing is known of what the others received.
    if (this.run.alone) return this.gatherSent(settled, ARRIVES);
    return this.gatherSent(settled, UNDER_WAY);
  }

  gatherSent(settled, fate) {
    for (let event = this.run.first; event < this.run.end; event++) {
      if (wordOf(event) !== "sent" || settled.has(event) || peerOf[event] < 0) continue;
      this.add(event, event, laneOf[event], peerOf[event], fate, whatOf[event]);
    }
  }

  add(from, to, fromLane, toLane, fate, what) {
    if (fromLane < 0 || toLane < 0) return;
    lanes[fromLane].messages += 1;
    lanes[toLane].messages += 1;
    this.all.push({ from, to, fromLane, toLane, fate, kind: WHATS[what].kind });
  }

  // After heights have changed.
  measure() {
    this.chunks = [];
    for (let first = 0; first < this.all.length; first += 256) {
      const part = this.all.slice(first, first + 256);
      const bottom = part.reduce((most, one) => Math.max(most, heightOf[one.to]), 0);
      this.chunks.push({ top: heightOf[this.start(part[0])], bottom, messages: part });
    }
  }

  // The messages between two heights.
  between(top, bottom) {
    const found = [];
    for (const chunk of this.chunks) {
      if (chunk.top > bottom) break;
      if (chunk.bottom < top) continue;
      for (const message of chunk.messages) {
        if (heightOf[this.start(message)] <= bottom && heightOf[message.to] >= top) {
          found.push(message);
        }
      }
    }
    return found;
  }
}

// Received messages that came to nothing: a failure let them fall, or they had no effect.
function droppedEvents(run) {
  const dropped = new Set();
  for (let event = run.first; event < run.end; event++) {
    const cause = causeOf[event];
    if (cause < 0 || wordOf(cause) !== "received") continue;
    const { word, kind } = WHATS[whatOf[event]];
    const isFall = word === "injected" && /\bdrop\(/.test(plainText(fieldOf(event, "what")));
    if (isFall || (word === "noted" && kind === "dropped")) dropped.add(cause);
  }
  return dropped;
}

const messageLists = runs.map((run) => new Messages(run));
const hasCross = (message) => [DROPPED, LOST, UNREACHABLE].includes(message.fate);

// How a process fares, as stretches of its lane: from an event on it is alive in some mode, stands
// still, or is gone.
function stretchesOf(lane) {
  const marks = [];
  const modes = lane.changes.get("mode") || [];
  const run = runs[lane.run];
  for (const change of modes) {
    const event = eventWith(run, change.after);
    const field = fieldAfter(lane, "mode", change.after);
    if (event >= 0 && field) marks.push({ event, mode: field.text });
  }
  for (const event of lane.events) {
    const { word, kind } = WHATS[whatOf[event]];
    if (word === "crashed" || word === "stopped") marks.push({ event, life: "gone" });
    if (["born", "started", "restarted"].includes(word)) marks.push({ event, life: "alive" });
    if (word === "paused") marks.push({ event, still: true });
    if (word === "resumed") marks.push({ event, still: false });
    if (kind === "mode_changed" && !modes.length) {
      marks.push({ event, mode: plainText(fieldOf(event, "mode")) });
    }
  }
  marks.sort((one, other) => one.event - other.event);
  const now = { life: run.alone && run.alone !== lane.name ? "unknown" : "alive", mode: "",
    still: false };
  const stretches = [];
  for (const { event, ...mark } of marks) {
    Object.assign(now, mark);
    const last = stretches[stretches.length - 1];
    if (last && last.event === event) Object.assign(last, now);
    else stretches.push({ event, ...now });
  }
  return stretches;
}
for (const lane of lanes) lane.stretches = stretchesOf(lane);
