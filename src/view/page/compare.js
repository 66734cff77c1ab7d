// Two runs beside each other: what differs, as a list to jump through.

// The events that differ, from the top; of two mates the one of the first run.
const differences = [];
if (isComparison) {
  for (let event = 0; event < eventCount; event++) {
    const isMateOfFirst = runOf(event).index === 1 && mateOf[event] >= 0;
    if (markOf[event] && !isMateOfFirst) differences.push(event);
  }
  differences.sort((one, other) => rowOf[one] - rowOf[other] || one - other);
}

// What an event has to do with the other run, in words.
function differencesOf(event) {
  if (!isComparison) return [];
  const other = ["B", "A"][runOf(event).index];
  const mate = mateOf[event];
  if (mate < 0) {
    return [make("p", { className: "differs" },
      `+ Only here: nothing in ${other} has this cause and says this.`)];
  }
  const told = markOf[event] ? "≠ Its mate has another content: " : "The same as ";
  const changed = markOf[event] ? changedFields(fieldsOf(event), fieldsOf(mate)) : [];
  return [
    make("p", { className: markOf[event] ? "differs" : "note" }, told, eventLink(mate)),
    changed.length ? make("ul", { className: "differs" }, ...changed.slice(0, 12).map((one) =>
      make("li", {}, one))) : null,
  ];
}

// The paths at which two trees differ, with what stands there in each.
function changedFields(one, other, path = "") {
  const isMap = (value) => value instanceof Map;
  if (isMap(one) && isMap(other)) {
    const names = [...new Set([...one.keys(), ...other.keys()])];
    return names.flatMap((name) =>
      changedFields(one.get(name), other.get(name), path ? `${path}.${name}` : name));
  }
  if (Array.isArray(one) && Array.isArray(other)) {
    const length = Math.max(one.length, other.length);
    return Array.from({ length }, (_, i) => i).flatMap((i) =>
      changedFields(one[i], other[i], `${path}[${i}]`));
  }
  const [here, there] = [plainText(one), plainText(other)];
  return here === there ? [] : [`${path}: here ${clipped(here, 80)}, there ${clipped(there, 80)}`];
}

function comparePanel() {
  const counts = [0, 1].map((run) =>
    differences.filter((event) => mateOf[event] < 0 && runOf(event).index === run).length);
  const changed = differences.length - counts[0] - counts[1];
  return [
    make("h2", {}, "What differs"),
    rows(...runs.map((run) => [["A", "B"][run.index], titleOf(run)])),
    rows(
      ["+ only in A", String(counts[0])], ["+ only in B", String(counts[1])],
      ["≠ other content", String(changed)],
    ),
    differences.length ? make("p", { className: "walk" },
      button("↑ previous", "The difference before (p)", () => walkDifferences(-1)),
      button("↓ next", "The next difference (n)", () => walkDifferences(1)))
      : make("p", {}, "Nothing: both runs have the same events, each by the same cause."),
    make("ol", { id: "differences" }, ...differences.slice(0, 500).map((event) =>
      make("li", { className: event === selection.event ? "here" : "" },
        make("span", { className: `mark mark${markOf[event]} run${runOf(event).index}` },
          MARKS[markOf[event]]), " ",
        eventLink(event), make("span", { className: "who" },
          ` ${lanes[laneOf[event]].name}${labelled(event)}`)))),
    differences.length > 500
      ? make("p", { className: "note" }, `The first 500 of ${differences.length}.`) : null,
  ];
}

const labelled = (event) =>
  (["noted", "injected"].includes(wordOf(event)) ? `: ${labelOf(event)}` : "");

function walkDifferences(step) {
  if (!differences.length) return;
  const row = selection.event >= 0 ? rowOf[selection.event] : -1;
  let place = differences.indexOf(selection.event);
  if (place < 0) {
    place = partition(differences.length, (i) => rowOf[differences[i]] <= row) - (step > 0 ? 1 : 0);
  }
  const next = (place + step + differences.length) % differences.length;
  selectEvent(differences[next], { keepTab: true });
}
