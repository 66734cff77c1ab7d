// The page itself: what is pressed, pulled and typed, and what follows from it.

const options = {
  light: "both",
  request: -1,
  tab: isComparison ? "compare" : "overview",
};
const byId = (id) => document.getElementById(id);
const stage = byId("stage");
const heads = byId("heads");
const slider = byId("slider");
const map = byId("map");
const pointerTip = byId("tip");
canvas.id = "diagram";
canvas.tabIndex = 0;
canvas.setAttribute("role", "application");
canvas.setAttribute("aria-label", "Diagram: a lane a process, time downwards, messages as arrows. "
  + "Arrow keys walk from event to event; what is chosen is told in the panel.");
byId("diagram-place").replaceWith(canvas);

// --- Drawing, once for all changes of a frame ---

let isPlanned = false;
function redraw() {
  if (isPlanned) return;
  isPlanned = true;
  requestAnimationFrame(() => {
    isPlanned = false;
    drawFrame();
    drawMapView();
    heads.firstElementChild.style.transform = `translateX(${-view.x}px)`;
    if (!picture.timing.drawn) picture.timing.drawn = performance.now();
  });
}

// After a choice: what is lit, the panel, the heads, the diagram.
function refresh() {
  light();
  showPanel();
  showHeads();
  showTime();
  redraw();
}

// After something that moves lanes.
function relay() {
  measureStage();
  placeLanes();
  buildHeads();
  refresh();
}

function light() {
  const { event } = selection;
  if (event >= 0 && options.light !== "none") {
    const past = options.light === "future" ? null : pastOf(event);
    const future = options.light === "past" ? null : futureOf(event);
    selection.lit = past && future ? both(past, future) : past || future;
    // What is the same in the other run is lit there too.
    if (isComparison) {
      for (let one = 0; one < eventCount; one++) {
        if (mateOf[one] >= 0 && selection.lit[one]) selection.lit[mateOf[one]] = 1;
      }
    }
  } else if (options.request >= 0) {
    selection.lit = eventsOfRequest(requests[options.request]);
  } else {
    selection.lit = null;
  }
}

// --- Choosing ---

const linkTo = (event) =>
  `#${isComparison ? "ab"[runOf(event).index] : "e"}${numberOf[event]}`;

function setLink(link) {
  // A page from a mail or a sandbox may not change its address; then it has none of its own.
  try {
    history.replaceState(null, "", link || location.pathname + location.search);
  } catch { /* nothing depends on it */ }
}

function selectEvent(event, { keepTab = false, keepView = false } = {}) {
  Object.assign(selection, { event, lane: -1, row: rowOf[event] });
  if (!keepTab || options.tab !== "compare") options.tab = "selection";
  setLink(linkTo(event));
  if (!keepView) showEvent(event);
  openPanel();
  refresh();
  byId("said").textContent = describe(event);
}

function selectLane(lane) {
  Object.assign(selection, { event: -1, lane });
  options.tab = "selection";
  setLink(`#p=${encodeURIComponent(lanes[lane].name)}`);
  openPanel();
  refresh();
}

function letGo() {
  Object.assign(selection, { event: -1, lane: -1 });
  options.tab = isComparison ? "compare" : "overview";
  setLink("");
  refresh();
}

function chooseRequest(place) {
  options.request = place;
  selection.event = -1;
  if (place >= 0) {
    selection.row = rowOf[requests[place].asked];
    showEvent(requests[place].asked);
  }
  options.tab = "filter";
  refresh();
}

// Scrolls as little as is needed for an event to be seen.
function showEvent(event) {
  const [x, y] = [screenX(laneOf[event]), screenY(event)];
  const margin = Math.min(120, view.height / 4);
  if (y < margin) view.y += y - margin;
  if (y > view.height - margin) view.y += y - view.height / 2;
  if (x < gutter() + 20) view.x += x - gutter() - view.laneWidth;
  if (x > view.width - mapWidth() - 40) view.x += x - view.width / 2;
  keepInside();
}

function walk(way) {
  let { event } = selection;
  if (event < 0) {
    const [first, end] = runs.length ? visibleEvents(runs[0], -TOP) : [0, 0];
    event = first < end ? first : cursorEvent();
    if (event >= 0) selectEvent(event);
    return;
  }
  const own = lanes[laneOf[event]].events;
  if (way === "before") event = beforeOf[event];
  if (way === "after") event = own[own.indexOf(event) + 1] ?? -1;
  if (way === "cause") event = causeOf[event] >= 0 ? causeOf[event] : sentOf[event];
  if (way === "effect") event = causedBy(event)[0] ?? -1;
  if (event >= 0) selectEvent(event);
}

function scrubTo(row) {
  selection.row = row;
  const event = cursorEvent();
  if (event >= 0) {
    const y = screenY(event);
    if (y < TOP || y > view.height - 30) view.y += y - view.height / 2;
  }
  keepInside();
  if (options.tab === "selection" && selection.lane >= 0) showPanel();
  showHeads();
  showTime();
  redraw();
}

// --- Panel, heads, time ---

const TABS = {
  overview: ["Overview", overviewPanel],
  compare: ["Differences", comparePanel],
  selection: ["Selection", () => {
    if (selection.event >= 0) return eventPanel(selection.event);
    if (selection.lane >= 0) return lanePanel(selection.lane);
    return [make("p", { className: "note" }, "Click an event, or the name of a process.")];
  }],
  filter: ["Filter", filterPanel],
  help: ["Help", helpPanel],
};

let shownTab = "";
function showPanel() {
  for (const tab of byId("tabs").children) {
    tab.setAttribute("aria-selected", String(tab.dataset.tab === options.tab));
  }
  const body = byId("panel-body");
  const top = shownTab === options.tab ? body.scrollTop : 0;
  body.replaceChildren(...TABS[options.tab][1]().filter(Boolean));
  body.scrollTop = top;
  shownTab = options.tab;
  const here = body.querySelector(".here");
  if (here) here.scrollIntoView({ block: "nearest" });
  byId("found").textContent = foundText();
}

function openPanel() {
  if (document.body.classList.contains("with-panel")) return;
  document.body.classList.add("with-panel");
  measureStage();
  resize();
  if (selection.event >= 0) showEvent(selection.event);
}

function closePanel() {
  document.body.classList.remove("with-panel");
  measureLater();
}

function openTab(tab) {
  options.tab = tab;
  openPanel();
  refresh();
}

// A process's name as there is room for it; the whole one is told to whoever points at it.
function shortName(name) {
  if (view.laneWidth >= 90) return name;
  const short = name.replace(/^replica /, "");
  return view.laneWidth >= 54 ? short
    : short.replace(/^client /, "c").replace(/^olympus$/, "oly").replace(/ twin /, "′");
}

function buildHeads() {
  heads.classList.toggle("narrow", view.laneWidth < 54);
  const band = ({ text, left, right, run }) => {
    if (!text && !isComparison) return null;
    const element = make("div", { className: `band run${run}` }, text);
    element.style.left = `${left}px`;
    element.style.width = `${right - left}px`;
    return element;
  };
  const head = (lane) => {
    const short = shortName(lane.name);
    const element = make("button", {
      type: "button", className: `lane-head${lane.faulty ? " faulty" : ""}`,
      title: `${laneName(lane)}${lane.faulty ? ", faulty" : ""}: show its state`,
      "aria-label": `${laneName(lane)}${lane.faulty ? ", faulty" : ""}`,
      "data-lane": String(lane.index), on: { click: () => selectLane(lane.index) },
    }, make("span", { className: "lane-name" },
      lane.faulty ? make("b", { "aria-hidden": "true" }, "✗ ") : null, short),
    make("span", { className: "lane-mode" }));
    element.style.left = `${laneX[lane.index] - view.laneWidth / 2}px`;
    element.style.width = `${view.laneWidth}px`;
    return element;
  };
  const titles = isComparison ? runs.map((run) => {
    const of = bands.filter((one) => one.run === run.index);
    if (!of.length) return null;
    const element = make("div", { className: `run-title run${run.index}`, title: titleOf(run) },
      `${["A", "B"][run.index]}: ${shortTitleOf(run)}`);
    element.style.left = `${of[0].left}px`;
    element.style.width = `${of[of.length - 1].right - of[0].left}px`;
    return element;
  }) : [];
  const shown = lanes.filter((lane) => !isLaneHidden[lane.index]);
  heads.firstElementChild.replaceChildren(
    ...titles.concat(bands.map(band), shown.map(head)).filter(Boolean));
}

function showHeads() {
  for (const head of heads.querySelectorAll(".lane-head")) {
    const lane = lanes[Number(head.dataset.lane)];
    const event = lastEventAt(runs[lane.run], selection.row);
    const mode = event < 0 ? null : fieldAfter(lane, "mode", numberOf[event]);
    head.querySelector(".lane-mode").textContent = mode ? mode.text : "";
    head.classList.toggle("chosen", lane.index === selection.lane);
  }
}

function showTime() {
  const event = cursorEvent();
  slider.value = String(selection.row);
  const text = event < 0 ? "" : `${momentText(atOf[event])}  ${eventName(event)}`;
  byId("time").textContent = text;
  slider.setAttribute("aria-valuetext", text);
}

// --- The map at the right: where much happens, and what matters ---

let mapBack = null;
function drawMap() {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [mapWidth(), view.height];
  map.width = width * ratio;
  map.height = height * ratio;
  mapBack = document.createElement("canvas");
  mapBack.width = map.width;
  mapBack.height = map.height;
  const pen = mapBack.getContext("2d");
  pen.scale(ratio, ratio);
  pen.fillStyle = colours.band;
  pen.fillRect(0, 0, width, height);
  const counts = new Float64Array(height + 1);
  const place = (event) => Math.round((heightOf[event] / totalHeight) * (height - 8)) + 4;
  const bar = (event) => Math.min(height, Math.floor(place(event) / 3) * 3);
  for (let event = 0; event < eventCount; event++) counts[bar(event)] += 1;
  const most = counts.reduce((one, other) => Math.max(one, other), 1);
  pen.fillStyle = colours.still;
  counts.forEach((count, y) => {
    if (count) pen.fillRect(0, y, 2 + (width * 0.55 - 2) * Math.sqrt(count / most), 3);
  });
  for (let event = 0; event < eventCount; event++) {
    const weight = weightOf(event);
    if (markOf[event]) {
      pen.fillStyle = markColour(event);
      pen.fillRect(width * 0.6, place(event), width * 0.4, 1.5);
    } else if (weight >= 7) {
      pen.fillStyle = weight === 10 ? colours.bad : weight >= 8 ? colours.fault : colours.accent;
      pen.fillRect(width * (weight === 10 ? 0.3 : 0.6), place(event) - 1, width, 2.5);
    }
  }
}

function drawMapView() {
  if (!mapBack) return;
  const pen = map.getContext("2d");
  const ratio = window.devicePixelRatio || 1;
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.drawImage(mapBack, 0, 0);
  pen.scale(ratio, ratio);
  const whole = totalHeight * view.zoom;
  const share = (y) => Math.max(0, Math.min(1, y / whole)) * (view.height - 8) + 4;
  const top = share(view.y - TOP);
  const bottom = share(view.y - TOP + view.height);
  pen.strokeStyle = colours.accent;
  pen.lineWidth = 1.5;
  pen.strokeRect(1, top, mapWidth() - 2, Math.max(4, bottom - top));
  pen.globalAlpha = 0.12;
  pen.fillStyle = colours.accent;
  pen.fillRect(1, top, mapWidth() - 2, Math.max(4, bottom - top));
  pen.globalAlpha = 1;
}

function moveOnMap(pointer) {
  const y = pointer.clientY - map.getBoundingClientRect().top;
  const share = Math.max(0, Math.min(1, (y - 4) / (view.height - 8)));
  view.y = share * totalHeight * view.zoom + TOP - view.height / 2;
  keepInside();
  redraw();
}

// --- Moving and zooming ---

const leastZoom = () => Math.min(1, (view.height - TOP - 24) / totalHeight);
const mostZoom = () => (view.scale === "time" ? 1e6 : 5);

function keepInside() {
  const bottom = totalHeight * view.zoom + TOP + 60 - view.height;
  view.y = Math.max(0, Math.min(view.y, Math.max(0, bottom)));
  view.x = Math.max(0, Math.min(view.x, Math.max(0, totalWidth - view.width)));
}

function zoomTo(zoom, y = view.height / 2) {
  const next = Math.max(leastZoom(), Math.min(mostZoom(), zoom));
  const unit = (y + view.y - TOP) / view.zoom;
  view.zoom = next;
  view.y = unit * next + TOP - y;
  keepInside();
  redraw();
}

function setScale(scale) {
  const event = cursorEvent();
  const y = event < 0 ? 0 : screenY(event);
  view.scale = scale;
  placeEvents();
  view.zoom = Math.max(leastZoom(), Math.min(mostZoom(), view.zoom));
  if (event >= 0) view.y += screenY(event) - y;
  const isSteps = scale === "steps";
  byId("scale").textContent = isSteps ? "Steps" : "True time";
  byId("scale").setAttribute("aria-pressed", String(!isSteps));
  keepInside();
  drawMap();
  redraw();
}

function setLaneWidth(factor) {
  view.laneZoom = Math.max(0.4, Math.min(4, (view.laneZoom || 1) * factor));
  relay();
  keepInside();
}

function measureStage() {
  const box = canvas.parentElement.getBoundingClientRect();
  const ratio = window.devicePixelRatio || 1;
  view.width = Math.max(50, Math.floor(box.width));
  view.height = Math.max(50, Math.floor(box.height));
  canvas.width = view.width * ratio;
  canvas.height = view.height * ratio;
}

function resize() {
  measureStage();
  placeLanes();
  buildHeads();
  showHeads();
  keepInside();
  drawMap();
  redraw();
}

let isMeasuring = false;
function measureLater() {
  if (isMeasuring) return;
  isMeasuring = true;
  requestAnimationFrame(() => { isMeasuring = false; resize(); });
}

// --- Pointer ---

const pointers = new Map();
let dragged = 0;

// The event or the message under a place of the screen; an event for both.
function eventAt(x, y) {
  let best = -1;
  let distance = 11;
  for (const [event, left, top] of painted.events) {
    const away = Math.hypot(left - x, top - y);
    if (away < distance) [best, distance] = [event, away];
  }
  if (best >= 0) return best;
  distance = 6;
  for (const [message, [x0, y0, x1, y1]] of painted.messages) {
    const length = Math.hypot(x1 - x0, y1 - y0) || 1;
    const along = ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length / length;
    if (along < 0 || along > 1) continue;
    const away = Math.abs((x - x0) * (y1 - y0) - (y - y0) * (x1 - x0)) / length;
    if (away < distance) [best, distance] = [message.to, away];
  }
  return best;
}

function placeOf(pointer) {
  const box = canvas.getBoundingClientRect();
  return [pointer.clientX - box.left, pointer.clientY - box.top];
}

function tip(pointer) {
  const [x, y] = placeOf(pointer);
  const event = pointer.pointerType === "touch" || pointers.size ? -1 : eventAt(x, y);
  canvas.style.cursor = event >= 0 ? "pointer" : "grab";
  pointerTip.hidden = event < 0;
  if (event < 0) return;
  pointerTip.textContent = describe(event);
  pointerTip.style.left = `${Math.min(x + 14, view.width - 260)}px`;
  pointerTip.style.top = `${Math.min(y + 16, view.height - 60)}px`;
}

function drag(pointer) {
  const before = pointers.get(pointer.pointerId);
  const now = [pointer.clientX, pointer.clientY];
  const others = [...pointers].filter(([id]) => id !== pointer.pointerId);
  pointers.set(pointer.pointerId, now);
  dragged += Math.abs(now[0] - before[0]) + Math.abs(now[1] - before[1]);
  if (others.length) {
    const [, still] = others[0];
    const spread = (place) => Math.max(20, Math.hypot(place[0] - still[0], place[1] - still[1]));
    const middle = (now[1] + still[1]) / 2 - canvas.getBoundingClientRect().top;
    zoomTo((view.zoom * spread(now)) / spread(before), middle);
    return;
  }
  view.x -= now[0] - before[0];
  view.y -= now[1] - before[1];
  keepInside();
  redraw();
}

canvas.addEventListener("pointerdown", (pointer) => {
  if (!pointers.size) dragged = 0;
  pointers.set(pointer.pointerId, [pointer.clientX, pointer.clientY]);
  canvas.setPointerCapture(pointer.pointerId);
});
canvas.addEventListener("pointermove", (pointer) => {
  if (pointers.has(pointer.pointerId)) drag(pointer); else tip(pointer);
});
for (const type of ["pointerup", "pointercancel"]) {
  canvas.addEventListener(type, (pointer) => {
    pointers.delete(pointer.pointerId);
    if (type === "pointercancel" || dragged > 6) return;
    const [x, y] = placeOf(pointer);
    const event = eventAt(x, y);
    if (event >= 0) selectEvent(event, { keepView: true });
    else clickNowhere(y);
  });
}
canvas.addEventListener("pointerleave", () => { pointerTip.hidden = true; });

// A click beside everything lets go of an event; the time that is looked at is the one there.
function clickNowhere(y) {
  const height = (y + view.y - TOP) / view.zoom;
  let row = 0;
  for (const run of runs) {
    const count = partition(run.end - run.first, (i) => heightOf[run.first + i] <= height);
    if (count) row = Math.max(row, rowOf[run.first + count - 1]);
  }
  selection.row = row;
  if (selection.event >= 0) letGo(); else refresh();
}

canvas.addEventListener("wheel", (wheel) => {
  wheel.preventDefault();
  const unit = wheel.deltaMode === 1 ? 18 : wheel.deltaMode === 2 ? view.height : 1;
  if (wheel.ctrlKey || wheel.metaKey) {
    zoomTo(view.zoom * Math.exp((-wheel.deltaY * unit) / 300), placeOf(wheel)[1]);
    return;
  }
  view.x += (wheel.shiftKey ? wheel.deltaY : wheel.deltaX) * unit;
  view.y += (wheel.shiftKey ? 0 : wheel.deltaY) * unit;
  keepInside();
  redraw();
}, { passive: false });

map.addEventListener("pointerdown", (pointer) => {
  map.setPointerCapture(pointer.pointerId);
  moveOnMap(pointer);
});
map.addEventListener("pointermove", (pointer) => {
  if (pointer.buttons) moveOnMap(pointer);
});

// --- Keys ---

const goOn = (step) => {
  if (found.events.length) walkFound(step); else if (isComparison) walkDifferences(step);
};
const scroll = (pages) => {
  view.y += pages * view.height;
  keepInside();
  redraw();
};

const KEYS = {
  ArrowUp: () => walk("before"), ArrowDown: () => walk("after"),
  ArrowLeft: () => walk("cause"), ArrowRight: () => walk("effect"),
  PageDown: () => scroll(0.85), PageUp: () => scroll(-0.85),
  Home: () => scroll(-1e9), End: () => scroll(1e9),
  "/": () => byId("search").focus(), Escape: () => escape(),
  "+": () => zoomTo(view.zoom * 1.25), "=": () => zoomTo(view.zoom * 1.25),
  "-": () => zoomTo(view.zoom / 1.25), 0: () => zoomTo(leastZoom()),
  "[": () => setLaneWidth(1 / 1.2), "]": () => setLaneWidth(1.2),
  n: () => goOn(1), p: () => goOn(-1),
  t: () => setScale(view.scale === "steps" ? "time" : "steps"),
  f: () => openTab("filter"), d: () => toggleTheme(), "?": () => openTab("help"),
};

function escape() {
  if (selection.event >= 0 || selection.lane >= 0) return letGo();
  if (found.text) {
    byId("search").value = "";
    runSearch("");
    return refresh();
  }
  if (options.request >= 0) return chooseRequest(-1);
  return closePanel();
}

document.addEventListener("keydown", (key) => {
  if (key.ctrlKey || key.metaKey || key.altKey) return;
  const at = key.target;
  const isTyping = at.tagName === "INPUT" && at.type !== "checkbox" && at.type !== "radio";
  if (isTyping || at.tagName === "SELECT") {
    if (key.key === "Escape") canvas.focus();
    return;
  }
  const isArrow = key.key.startsWith("Arrow") || key.key === "Home" || key.key === "End";
  if (isArrow && at.tagName === "INPUT") return;
  const act = KEYS[key.key];
  if (!act) return;
  key.preventDefault();
  act();
});

// --- Controls ---

byId("search").addEventListener("input", () => {
  runSearch(byId("search").value);
  byId("found").textContent = foundText();
  redraw();
});
byId("search").addEventListener("keydown", (key) => {
  if (key.key !== "Enter") return;
  runSearch(byId("search").value);
  walkFound(key.shiftKey ? -1 : 1);
  byId("found").textContent = foundText();
});
byId("search-next").addEventListener("click", () => walkFound(1));
byId("search-previous").addEventListener("click", () => walkFound(-1));
byId("scale").addEventListener("click", KEYS.t);
byId("zoom-in").addEventListener("click", KEYS["+"]);
byId("zoom-out").addEventListener("click", KEYS["-"]);
byId("zoom-fit").addEventListener("click", KEYS["0"]);
byId("theme").addEventListener("click", () => toggleTheme());
byId("panel-close").addEventListener("click", () => closePanel());
byId("panel-open").addEventListener("click", () => openPanel());
slider.addEventListener("input", () => scrubTo(Number(slider.value)));

const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");
let theme = "";
function useTheme() {
  const isDark = theme ? theme === "dark" : prefersDark.matches;
  colours = isDark ? COLOURS.dark : COLOURS.light;
  document.documentElement.dataset.theme = isDark ? "dark" : "light";
  if (mapBack) drawMap();
}
function toggleTheme() {
  theme = colours === COLOURS.dark ? "light" : "dark";
  useTheme();
  refresh();
}
prefersDark.addEventListener("change", () => { useTheme(); refresh(); });
window.addEventListener("resize", measureLater);
window.addEventListener("hashchange", followLink);

function followLink() {
  let link = location.hash.slice(1);
  try {
    link = decodeURIComponent(link);
  } catch {
    // It is no link of ours, and leads nowhere.
  }
  const [, letter, number] = /^([eab])(\d+)$/.exec(link) || [];
  if (letter) {
    const run = runs[letter === "b" ? 1 : 0];
    const event = run ? eventWith(run, Number(number)) : -1;
    if (event >= 0) selectEvent(event);
    return;
  }
  const lane = lanes.find((one) => link === `p=${one.name}`);
  if (lane) selectLane(lane.index);
}

// --- For tests, and for those who look from a console ---

const crosses = messageLists.flatMap((list) => list.all.filter(hasCross)).length;
const laneCalled = (name, run = 0) =>
  lanes.find((lane) => lane.run === run && lane.name === name);

// Counts of all there is; what the last frame has painted; the same choices that a pointer makes.
const picture = {
  lanes: lanes.map(laneName),
  events: eventCount,
  messages: messageLists.reduce((count, list) => count + list.all.length, 0),
  arrows: messageLists.flatMap((list) => list.all).filter((message) =>
    message.fate <= DROPPED).length,
  crosses,
  differences: differences.map((event) => ({
    run: runOf(event).index, number: numberOf[event], mark: MARKS[markOf[event]],
  })),
  frame,
  // Milliseconds since the page was asked for: when all was unpacked, and first drawn.
  timing: { unpacked: performance.now(), unpacking: performance.now() - STARTED_MS, drawn: 0 },
  select: (number, run = 0) => selectEvent(eventWith(runs[run], number)),
  selected: () => (selection.event < 0 ? 0 : numberOf[selection.event]),
  lit: () => (selection.lit ? countOf(selection.lit) : eventCount),
  isLit: (number, run = 0) => isLit(eventWith(runs[run], number)),
  // The fields of a process's state after an event.
  state: (process, number, run = 0) => Object.fromEntries(
    stateOf(laneCalled(process, run), number).map(({ name, text }) => [name, text])),
  // Where an event is on the screen.
  place: (number, run = 0) => {
    const event = eventWith(runs[run], number);
    const box = canvas.getBoundingClientRect();
    return [box.left + screenX(laneOf[event]), box.top + screenY(event)];
  },
  view,
  // Paints now, and says how long that took.
  paint: () => {
    drawFrame();
    return frame.ms;
  },
  zoom: (zoom) => zoomTo(zoom),
  scroll: (y) => {
    view.y = y;
    keepInside();
    redraw();
  },
};
window.picture = picture;

// --- Beginning ---

for (const [tab, [text]] of Object.entries(TABS)) {
  if (tab === "compare" && !isComparison) continue;
  byId("tabs").append(make("button", {
    type: "button", role: "tab", "data-tab": tab, id: `tab-${tab}`,
    on: { click: () => openTab(tab) },
  }, text));
}
const titles = new Set(runs.map(shortTitleOf));
byId("title").textContent = [...titles].join(" and ") || "Nothing";
byId("title").title = runs.map((run) => `${titleOf(run)}: ${run.summary}`).join("\n");
byId("verdicts").replaceChildren(
  ...runs.filter((run) => run.verdict).map((run) => verdictBadge(run)));
slider.max = String(Math.max(0, rowCount - 1));
document.body.classList.toggle("two", isComparison);
useTheme();
styleKinds();
if (window.innerWidth > 700) document.body.classList.add("with-panel");
placeEvents();
measureStage();
placeLanes();
buildHeads();
drawMap();
refresh();
followLink();
