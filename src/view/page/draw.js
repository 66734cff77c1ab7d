// Painting what is visible. Everything that was painted can be found again by a place on the
// screen, and is counted in `frame`.

const canvas = document.createElement("canvas");
const paint = canvas.getContext("2d");
const frame = { events: 0, messages: 0, labels: 0, crosses: 0, skipped: 0, ms: 0 };
// Circles and lines that were painted, for the pointer.
let painted = { events: [], messages: [] };

const selection = {
  event: -1,
  lane: -1,
  // What is lit while the rest is dimmed; null where nothing is dimmed.
  lit: null,
  // The row that states are told of.
  row: 0,
  // Places that a search found.
  found: null,
};
const hiddenKinds = new Set();

const COLOURS = {
  light: {
    back: "#ffffff", band: "#f3f5f9", ink: "#1b2330", faint: "#6b7688", line: "#8b96a8",
    grid: "#e4e8ef", bad: "#c0182b", fault: "#a33b00", good: "#0b6b3a", accent: "#1957d6",
    mark: ["", "#b25000", "#7a2fb5"], markB: "#006d86", still: "#c3cad6",
    kinds: ["#1f5fbf", "#b5480d", "#1d7d3f", "#8a35b0", "#a8730b", "#0c7f88", "#c02468",
      "#5b6b1a", "#6a5045", "#4a55c4"],
  },
  dark: {
    back: "#12161d", band: "#191f29", ink: "#e7ebf2", faint: "#95a1b5", line: "#697790",
    grid: "#262e3b", bad: "#ff7583", fault: "#ffab66", good: "#66d69a", accent: "#7fb0ff",
    mark: ["", "#ffb05c", "#d19bff"], markB: "#56d4ec", still: "#3c4759",
    kinds: ["#7fb0ff", "#ff9d5c", "#6fd58f", "#d19bff", "#e9c15a", "#5fd3da", "#ff86b4",
      "#b9cc66", "#c9a995", "#a3acff"],
  },
};
let colours = COLOURS.light;

// Kinds of message by how often they come; the frequent ones differ most.
const kindStyles = new Map();
function styleKinds() {
  const counts = new Map();
  for (const list of messageLists) {
    for (const { kind } of list.all) counts.set(kind, (counts.get(kind) || 0) + 1);
  }
  const kinds = [...counts].sort((one, other) => other[1] - one[1] || (one[0] < other[0] ? -1 : 1));
  const dashes = [[], [7, 3], [2, 3], [9, 3, 2, 3], [4, 4]];
  kinds.forEach(([kind, count], i) => kindStyles.set(kind, {
    colour: i % colours.kinds.length, count,
    dash: dashes[(i + Math.floor(i / colours.kinds.length)) % dashes.length],
  }));
}

const FONT = "11px system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif";
const BOLD = FONT.replace("11px", "600 11px");
const widths = new Map();
function widthOf(text, font) {
  const key = font === BOLD ? `!${text}` : text;
  if (!widths.has(key)) {
    paint.font = font;
    widths.set(key, paint.measureText(text).width);
    if (widths.size > 20000) widths.clear();
  }
  return widths.get(key) || paint.measureText(text).width;
}

// A text that is not wider than there is room for.
function fitting(text, room, font) {
  if (widthOf(text, font) <= room) return text;
  let end = Math.floor(text.length * (room / widthOf(text, font)));
  while (end > 1 && widthOf(`${text.slice(0, end)}…`, font) > room) end--;
  return end > 1 ? `${text.slice(0, end)}…` : "";
}

// Places on the screen that have a text already.
class Room {
  constructor() {
    this.rows = new Map();
  }

  take(left, top, right, bottom) {
    const boxes = [];
    for (let row = top >> 4; row <= bottom >> 4; row++) boxes.push(row);
    const isFree = boxes.every((row) => (this.rows.get(row) || []).every((box) =>
      box[0] >= right || box[2] <= left || box[1] >= bottom || box[3] <= top));
    if (!isFree) return false;
    for (const row of boxes) {
      if (!this.rows.has(row)) this.rows.set(row, []);
      this.rows.get(row).push([left, top, right, bottom]);
    }
    return true;
  }
}

let room = new Room();
// Texts of this frame with how much they matter; the ones that matter most get their place first.
let labels = [];

function label(text, x, y, { weight = 1, colour = colours.ink, bold = false, width = 400,
  centre = false, alpha = 1, pill = "" } = {}) {
  // What is dimmed is there to be seen, not to be read.
  if (alpha < 1 && weight < 7) return;
  labels.push({ text, x, y, weight, colour, bold, width, centre, alpha, pill });
}

function paintLabels() {
  labels.sort((one, other) => other.weight - one.weight);
  for (const one of labels) {
    const font = one.bold ? BOLD : FONT;
    const text = fitting(one.text, one.width, font);
    if (!text) continue;
    const width = widthOf(text, font);
    const left = one.centre ? one.x - width / 2 : one.x;
    if (!room.take(left - 3, one.y - 8, left + width + 3, one.y + 7)) continue;
    paint.font = font;
    paint.textBaseline = "middle";
    paint.globalAlpha = one.alpha;
    if (one.pill) {
      paint.fillStyle = one.pill;
      paint.fillRect(left - 4, one.y - 8, width + 8, 16);
    } else {
      // Lines that go below a text leave a little room around its letters.
      paint.strokeStyle = colours.back;
      paint.lineWidth = 4;
      paint.lineJoin = "round";
      paint.strokeText(text, left, one.y + 0.5);
    }
    paint.fillStyle = one.pill ? colours.back : one.colour;
    paint.fillText(text, left, one.y + 0.5);
    frame.labels += 1;
  }
  paint.globalAlpha = 1;
  labels = [];
}

const isLit = (event) => event < 0 || !selection.lit || selection.lit[event] === 1;
const DIM = 0.13;

function drawFrame() {
  const began = performance.now();
  Object.assign(frame, { events: 0, messages: 0, labels: 0, crosses: 0, skipped: 0 });
  painted = { events: [], messages: [] };
  room = new Room();
  const ratio = window.devicePixelRatio || 1;
  paint.setTransform(ratio, 0, 0, ratio, 0, 0);
  paint.fillStyle = colours.back;
  paint.fillRect(0, 0, view.width, view.height);
  drawBands();
  for (const run of runs) drawLanes(run);
  drawCursor();
  for (const list of messageLists) drawMessages(list);
  for (const run of runs) drawEvents(run);
  drawGutter();
  if (frame.skipped) {
    label(`${frame.messages} of ${frame.messages + frame.skipped} messages are drawn; zoom in`,
      gutter() + 12, view.height - 14, { weight: 30, bold: true, pill: colours.ink });
  }
  paintLabels();
  frame.ms = performance.now() - began;
}

function drawBands() {
  bands.forEach((band) => {
    if (!band.text) return;
    paint.fillStyle = colours.band;
    paint.fillRect(band.left - view.x, 0, band.right - band.left, view.height);
  });
  const second = bands.find((band) => band.run === 1);
  if (!second) return;
  paint.fillStyle = colours.line;
  paint.fillRect(second.left - view.x - RUN_GAP / 2, 0, 2, view.height);
}

const LINES = {
  gone: { dash: [1, 7], width: 1 },
  unknown: { dash: [1, 5], width: 1 },
  pending: { dash: [3, 4], width: 1.5 },
  immutable: { dash: [10, 4], width: 4 },
  alive: { dash: [], width: 1.5 },
};

function drawLanes(run) {
  for (let lane = run.firstLane; lane < run.endLane; lane++) {
    if (isLaneHidden[lane]) continue;
    const x = screenX(lane);
    if (x < -view.laneWidth || x > view.width + view.laneWidth) continue;
    const { stretches } = lanes[lane];
    if (!stretches.length) drawStretch(x, -5, view.height + 5, { life: "unknown" });
    const end = run.end > run.first ? screenY(run.end - 1) + 20 : 0;
    const bottom = (i) => (i < stretches.length ? screenY(stretches[i].event) : end);
    const first = Math.max(0, partition(stretches.length, (i) => bottom(i) < 0) - 1);
    for (let i = first; i < stretches.length && bottom(i) <= view.height + 20; i++) {
      drawStretch(x, bottom(i), bottom(i + 1), stretches[i]);
    }
  }
  paint.setLineDash([]);
}

function drawStretch(x, from, to, { life, mode, still }) {
  const style = life === "alive" ? LINES[mode] || LINES.alive : LINES[life] || LINES.alive;
  const [top, bottom] = [Math.max(from, -10), Math.min(to, view.height + 10)];
  if (bottom <= top) return;
  if (still && life === "alive") hatch(x, top, bottom);
  paint.strokeStyle = colours.line;
  paint.lineWidth = style.width;
  paint.setLineDash(style.dash);
  paint.lineDashOffset = -(from - top);
  paint.beginPath();
  paint.moveTo(x, top);
  paint.lineTo(x, bottom);
  paint.stroke();
}

// Standing still: slanting strokes beside the lane.
function hatch(x, top, bottom) {
  paint.save();
  paint.beginPath();
  paint.rect(x - 8, top, 16, bottom - top);
  paint.clip();
  paint.strokeStyle = colours.still;
  paint.lineWidth = 2;
  paint.setLineDash([]);
  paint.beginPath();
  for (let y = top - 20; y < bottom + 20; y += 7) {
    paint.moveTo(x - 9, y + 9);
    paint.lineTo(x + 9, y - 9);
  }
  paint.stroke();
  paint.restore();
}

function drawCursor() {
  const event = cursorEvent();
  if (event < 0) return;
  const y = Math.round(screenY(event)) + 0.5;
  paint.strokeStyle = colours.accent;
  paint.globalAlpha = 0.55;
  paint.lineWidth = 1;
  paint.setLineDash([]);
  paint.beginPath();
  paint.moveTo(gutter(), y);
  paint.lineTo(view.width, y);
  paint.stroke();
  paint.globalAlpha = 1;
}

// The last event at or above the row that states are told of.
function cursorEvent() {
  let best = -1;
  for (const run of runs) {
    const event = lastEventAt(run, selection.row);
    if (event >= 0 && (best < 0 || rowOf[event] > rowOf[best])) best = event;
  }
  return best;
}

// From so far away requests are too many to be told one by one.
const FAR = 0.08;
const MOST_MESSAGES = 2000;

function drawMessages(list) {
  const top = (view.y - TOP - 30) / view.zoom;
  const bottom = (view.y - TOP + view.height + 30) / view.zoom;
  const seen = list.between(top, bottom).filter(isMessageShown);
  // So many lines that nobody can tell them apart: some of them give the same picture.
  const stride = Math.ceil(seen.length / MOST_MESSAGES);
  const byStyle = new Map();
  seen.forEach((message, i) => {
    if (stride > 1 && i % stride && !hasCross(message)) return;
    const lit = isLit(message.to) && isLit(message.from);
    const key = `${lit ? 1 : 0}${message.kind}`;
    if (!byStyle.has(key)) byStyle.set(key, { lit, messages: [] });
    byStyle.get(key).messages.push(message);
    frame.messages += 1;
  });
  const drawn = [...byStyle.values()].reduce((count, one) => count + one.messages.length, 0);
  frame.skipped += seen.length - drawn;
  const isCrowded = frame.messages > 400;
  const styles = [...byStyle.values()].sort((one, other) => one.lit - other.lit);
  for (const { lit, messages } of styles) drawStyle(messages, lit, isCrowded);
}

function isMessageShown(message) {
  return !isLaneHidden[message.fromLane] && !isLaneHidden[message.toLane]
    && !hiddenKinds.has(message.kind);
}

// The two ends of a message on the screen, the second one short of the lane if it does not arrive.
function endsOf(message) {
  const [x0, x] = [screenX(message.fromLane), screenX(message.toLane)];
  const y0 = message.from < 0 ? screenY(message.to) - 12 : screenY(message.from);
  let y1 = screenY(message.to);
  let x1 = x;
  const reach = (share, fall) => {
    x1 = x0 + (x - x0) * share;
    y1 = Math.max(y1, y0 + fall);
  };
  if (message.fate === LOST) reach(0.6, 6);
  if (message.fate === HELD) reach(0.45, 6);
  if (message.fate === UNREACHABLE) reach(0.4, 6);
  if (message.fate === UNDER_WAY) reach(0.35, 8);
  if (message.fate === ARRIVES && message.from === message.to) reach(0.85, 10);
  if (message.fromLane === message.toLane) x1 = x0 + (message.fate === ARRIVES ? 0 : 14);
  return [x0, y0, x1, y1];
}

function drawStyle(messages, lit, isCrowded) {
  const style = kindStyles.get(messages[0].kind) || { colour: 0, dash: [] };
  const colour = colours.kinds[style.colour];
  paint.strokeStyle = colour;
  paint.fillStyle = colour;
  paint.lineWidth = isCrowded ? 0.7 : 1.4;
  paint.globalAlpha = lit ? (isCrowded ? 0.55 : 0.95) : DIM;
  paint.setLineDash(isCrowded ? [] : style.dash);
  const all = messages.map((message) => [message, endsOf(message)]);
  paint.beginPath();
  for (const [message, ends] of all) line(message, ends);
  paint.stroke();
  paint.setLineDash([]);
  if (!isCrowded) for (const [message, ends] of all) drawEnd(message, ends);
  for (const [message, ends] of all) {
    if (hasCross(message)) drawCross(message, ends);
    if (!isCrowded) painted.messages.push([message, ends]);
    if (!isCrowded && view.zoom > 0.45) labelMessage(message, ends, colour, lit);
  }
  paint.globalAlpha = 1;
}

function line(message, [x0, y0, x1, y1]) {
  paint.moveTo(x0, y0);
  if (message.fromLane === message.toLane && message.fate === ARRIVES) {
    paint.bezierCurveTo(x0 + 34, y0, x1 + 34, y1, x1, y1);
  } else {
    paint.lineTo(x1, y1);
  }
}

function drawEnd(message, [x0, y0, x1, y1]) {
  const isLoop = message.fromLane === message.toLane;
  const angle = isLoop ? Math.PI : Math.atan2(y1 - y0, x1 - x0);
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  if (message.fate === HELD) {
    paint.beginPath();
    for (const back of [0, 4]) {
      paint.moveTo(x1 - back * cos - 6 * sin, y1 - back * sin + 6 * cos);
      paint.lineTo(x1 - back * cos + 6 * sin, y1 - back * sin - 6 * cos);
    }
    paint.stroke();
    return;
  }
  if (message.fate === UNDER_WAY || hasCross(message)) return;
  const at = (back, aside) => [x1 - back * cos - aside * sin, y1 - back * sin + aside * cos];
  paint.beginPath();
  paint.moveTo(...at(3, 0));
  paint.lineTo(...at(11, 4));
  paint.lineTo(...at(11, -4));
  paint.closePath();
  paint.fill();
}

function drawCross(message, [x0, , x1, y1]) {
  const x = message.fate === DROPPED ? x1 - Math.sign(x1 - x0 || 1) * 12 : x1;
  const y = y1 - (message.fate === DROPPED ? 3 : 0);
  paint.save();
  paint.strokeStyle = colours.bad;
  paint.lineWidth = 2.2;
  paint.beginPath();
  paint.moveTo(x - 5, y - 5);
  paint.lineTo(x + 5, y + 5);
  paint.moveTo(x - 5, y + 5);
  paint.lineTo(x + 5, y - 5);
  paint.stroke();
  paint.restore();
  frame.crosses += 1;
}

function labelMessage(message, [x0, y0, x1, y1], colour, lit) {
  const reach = Math.abs(x1 - x0);
  if (message.fromLane === message.toLane) return;
  let fate = [LOST, HELD, UNREACHABLE].includes(message.fate) ? `, ${FATES[message.fate]}` : "";
  if (message.fate === LOST) fate += ` (${plainText(fieldOf(message.to, "why"))})`;
  if (fate) {
    const text = `${message.kind}${fate}`;
    const left = x1 > x0 ? x1 + 10 : x1 - 10 - widthOf(text, FONT);
    label(text, left, y1, { weight: 6, colour: colours.bad, alpha: lit ? 1 : DIM });
    return;
  }
  // In a steep message the middle may be far away.
  const visible = (y) => y > 4 && y < view.height - 4;
  const share = [0.5, 0.25, 0.75, 0.12, 0.88].find((part) => visible(y0 + (y1 - y0) * part));
  if (share === undefined) return;
  label(message.kind, x0 + (x1 - x0) * share, y0 + (y1 - y0) * share, {
    weight: 3, colour, centre: true, alpha: lit ? 1 : DIM,
    width: Math.max(96, Math.min(reach - 16, 190)),
  });
}

const TELLING = ["mode_changed", "asks_for_reconfiguration", "proof_of_misbehaviour"];

// How much what happened matters to one who looks from afar.
function weightOfWhat({ word, kind }) {
  if (word === "injected") return 9;
  if (["crashed", "restarted", "paused"].includes(word)) return 8;
  if (["not_injected", "armed", "clock_set"].includes(word)) return 7;
  if (["configuration_made", "reconfiguration_begins", "quorum_final"].includes(kind)) return 7;
  if (kind === "asked" || kind === "answered") return 6;
  if (TELLING.includes(kind) || word === "stopped") return 5;
  if (["born", "resumed", "in_vain"].includes(word)) return 4;
  if (word === "noted") return 2;
  return word.startsWith("timer") ? 1 : 0;
}
const weights = WHATS.map(weightOfWhat);
const weightOf = (event) => (findingsAt.has(event) ? 10 : weights[whatOf[event]]);

function drawEvents(run) {
  const [first, end] = visibleEvents(run);
  const lastAt = new Float64Array(lanes.length).fill(-99);
  const isShown = WHATS.map(({ kind }) => !kind || !hiddenKinds.has(kind));
  for (let event = first; event < end; event++) {
    const lane = laneOf[event];
    const y = screenY(event);
    const weight = weightOf(event);
    // Where dots would lie upon each other, one is enough.
    const apart = y - lastAt[lane];
    if (apart < (weight < 5 ? 1.5 : 0.4) && event !== selection.event && weight < 7) continue;
    if (!isShown[whatOf[event]] || isLaneHidden[lane]) continue;
    const x = screenX(lane);
    if (x < -view.laneWidth || x > view.width + 10) continue;
    lastAt[lane] = y;
    drawEvent(event, x, y, weight);
  }
}

function drawEvent(event, x, y, weight) {
  const lit = isLit(event);
  const alpha = lit ? 1 : DIM;
  const isNear = view.zoom > 0.45;
  paint.globalAlpha = alpha;
  glyph(event, x, y);
  frame.events += 1;
  painted.events.push([event, x, y]);
  if (markOf[event]) drawMark(event, x, y);
  if (selection.event === event) {
    paint.strokeStyle = colours.accent;
    paint.lineWidth = 2.5;
    paint.beginPath();
    paint.arc(x, y, 9, 0, 7);
    paint.stroke();
  } else if (selection.found && selection.found.has(event)) {
    paint.strokeStyle = colours.accent;
    paint.lineWidth = 1.5;
    paint.strokeRect(x - 7.5, y - 7.5, 15, 15);
  }
  paint.globalAlpha = 1;
  for (const finding of findingsAt.get(event) || []) {
    label(`⚑ ${finding.judge}: ${finding.text}`, x + 12, y - 18, {
      weight: 20, bold: true, pill: colours.bad, width: 460, alpha,
    });
  }
  const least = isNear ? 1 : view.zoom > FAR ? 6 : 7;
  if (weight < least) return;
  const text = labelOf(event);
  if (!text) return;
  const isFault = weight === 9 || weight === 8;
  if (labels.length > 3000 && weight < 7) return;
  label(text, x + 11, y, {
    weight: weight + (event === selection.event ? 20 : 0), bold: weight >= 6,
    colour: isFault ? colours.fault : weight >= 4 ? colours.ink : colours.faint,
    width: weight >= 6 ? 250 : Math.max(110, view.laneWidth - 16), alpha,
  });
}

// What stands beside an event.
function labelOf(event) {
  const { word, kind } = WHATS[whatOf[event]];
  const field = (name) => plainText(fieldOf(event, name));
  switch (word) {
    case "injected": return `⚡ ${field("what")}`;
    case "armed": return `armed: ${field("what")}`;
    case "not_injected": return `not injected: ${field("what")}`;
    case "crashed": return "crashed";
    case "paused": return `stands still until ${momentText(fieldOf(event, "until_ns") || 0)}`;
    case "timer_set": return `◷ ${timerText(event)}`;
    case "timer_cancelled": return `◷ ${timerText(event)} cancelled`;
    case "timer_fired": return `◷ ${timerText(event)} runs out`;
    case "started": return "";
    case "noted": break;
    default: return word.replace(/_/g, " ");
  }
  switch (kind) {
    case "asked": return `asks ${operationText(fieldOf(event, "operation"))}`;
    case "answered": return `answered ${field("result")}`;
    case "mode_changed": return `is ${field("mode")}`;
    case "configuration_made": return `★ configuration ${field("configuration")}`;
    case "ordered": return `ordered ${field("slot")}`;
    case "dropped": return `drops ${field("kind_")}: ${field("why")}`;
    default: return kind.replace(/_/g, " ");
  }
}

function timerText(event) {
  const timer = fieldOf(event, "timer");
  return timer instanceof Map ? [...timer.keys()].join(" ") : plainText(timer);
}

function glyph(event, x, y) {
  const { word, kind } = WHATS[whatOf[event]];
  const shrink = view.zoom > FAR ? 1 : 0.4;
  const disc = (radius, colour) => {
    paint.fillStyle = colour;
    // From afar nobody sees that it is round.
    if (shrink < 1) {
      const half = radius * shrink;
      paint.fillRect(x - half, y - half, 2 * half, 2 * half);
      return;
    }
    paint.beginPath();
    paint.arc(x, y, radius * shrink, 0, 7);
    paint.fill();
  };
  const ring = (radius, colour) => {
    disc(radius, colours.back);
    paint.strokeStyle = colour;
    paint.lineWidth = 1.4;
    paint.beginPath();
    paint.arc(x, y, radius * shrink, 0, 7);
    paint.stroke();
  };
  const diamond = (size, colour) => {
    paint.fillStyle = colour;
    paint.beginPath();
    paint.moveTo(x, y - size);
    paint.lineTo(x + size, y);
    paint.lineTo(x, y + size);
    paint.lineTo(x - size, y);
    paint.fill();
  };
  const strokes = (...lines) => {
    paint.lineWidth = 2.6;
    paint.strokeStyle = colours.fault;
    paint.beginPath();
    for (const [x0, y0, x1, y1] of lines) {
      paint.moveTo(x + x0, y + y0);
      paint.lineTo(x + x1, y + y1);
    }
    paint.stroke();
  };
  switch (word) {
    case "injected": return diamond(6.5, colours.fault);
    case "armed": case "not_injected": return diamond(4.5, colours.faint);
    case "crashed": return strokes([-6, -6, 6, 6], [-6, 6, 6, -6]);
    case "stopped": paint.fillStyle = colours.ink; return paint.fillRect(x - 5, y - 5, 10, 10);
    case "paused": return strokes([-4, -6, -4, 6], [4, -6, 4, 6]);
    case "timer_set": return ring(2.8, colours.faint);
    case "timer_cancelled": ring(2.8, colours.faint); return slash(x, y);
    case "timer_fired": return disc(4, colours.accent);
    case "born": case "restarted": return ring(4.5, colours.ink);
    case "noted":
      if (kind === "answered") return disc(5, colours.good);
      if (kind === "asked") return disc(4.2, colours.accent);
      return disc(2.6, colours.ink);
    default: return disc(2, colours.line);
  }
}

function slash(x, y) {
  paint.beginPath();
  paint.moveTo(x - 5, y + 5);
  paint.lineTo(x + 5, y - 5);
  paint.stroke();
}

const MARKS = ["", "+", "≠"];
function markColour(event) {
  return markOf[event] === 1 && runOf(event).index === 1 ? colours.markB
    : colours.mark[markOf[event]];
}

// In a comparison: a plus where the other run has no such event, ≠ where it has another content.
function drawMark(event, x, y) {
  const colour = markColour(event);
  paint.fillStyle = colour;
  const left = x - (event === selection.event ? 22 : 18);
  paint.fillRect(left, y - 6, 11, 12);
  paint.fillStyle = colours.back;
  paint.font = BOLD;
  paint.textBaseline = "middle";
  paint.fillText(MARKS[markOf[event]], left + 1.8, y + 0.5);
}

// A moment with as many digits as there is room for.
function gutterText(ns) {
  const text = momentText(ns);
  if (widthOf(text, FONT) <= gutter() - 8) return text;
  const whole = String(Math.floor(ns / 1e9)).length;
  return `${(ns / 1e9).toFixed(Math.max(0, Math.min(9, (view.width < 600 ? 5 : 9) - whole)))} s`;
}

// The time at the left, wherever there is room for it.
function drawGutter() {
  paint.fillStyle = colours.back;
  paint.fillRect(0, 0, gutter(), view.height);
  paint.font = FONT;
  paint.textBaseline = "middle";
  const run = runs[0];
  if (!run) return;
  const [first, end] = visibleEvents(run);
  let lastY = -99;
  let lastAt = -1;
  for (let event = first; event < end; event++) {
    const y = screenY(event);
    if (y - lastY < 15 || atOf[event] === lastAt) continue;
    paint.fillStyle = colours.faint;
    paint.fillText(fitting(gutterText(atOf[event]), gutter() - 8, FONT), 6, y);
    paint.fillStyle = colours.grid;
    paint.fillRect(gutter() - 4, y, 4, 1);
    [lastY, lastAt] = [y, atOf[event]];
  }
}
