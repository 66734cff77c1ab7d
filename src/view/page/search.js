// Search over all text of the events: numbers, processes, words, kinds, content.

// For each node of the pool whether a word is in it. Parts stand before the whole.
function nodesWith(word) {
  const names = DATA.shapes.map((shape) => shape.some((name) => name.toLowerCase().includes(word)));
  const found = new Uint8Array(DATA.nodes.length);
  DATA.nodes.forEach((node, i) => {
    if (!Array.isArray(node)) {
      found[i] = node !== null && String(node).toLowerCase().includes(word) ? 1 : 0;
      return;
    }
    if (node[0] > 0 && names[node[0] - 1]) found[i] = 1;
    for (let part = 1; part < node.length && !found[i]; part++) found[i] = found[node[part]];
  });
  return found;
}

function eventsWithWord(word) {
  const nodes = nodesWith(word);
  const whats = WHATS.map(({ word: name, kind }) =>
    `${name} ${kind}`.toLowerCase().includes(word));
  const processes = lanes.map((lane) => lane.name.toLowerCase().includes(word));
  const number = /^#?\d+$/.test(word) ? Number(word.replace("#", "")) : -1;
  return (event) => whats[whatOf[event]] || processes[laneOf[event]]
    || (peerOf[event] >= 0 && processes[peerOf[event]])
    || (contentOf[event] >= 0 && nodes[contentOf[event]] === 1)
    || numberOf[event] === number
    || (findingsAt.get(event) || []).some((finding) =>
      `${finding.judge} ${finding.text}`.toLowerCase().includes(word));
}

// The events in which all of it is: the whole text or, if that is nowhere, each of its words.
function search(text) {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return [];
  const all = Array.from({ length: eventCount }, (_, event) => event);
  const whole = all.filter(eventsWithWord(wanted));
  const words = wanted.split(/\s+/);
  if (whole.length || words.length === 1) return whole;
  return words.reduce((left, word) => left.filter(eventsWithWord(word)), all);
}

const found = { text: "", events: [], place: -1 };

function runSearch(text) {
  if (text === found.text) return;
  Object.assign(found, { text, events: search(text), place: -1 });
  selection.found = found.events.length ? new Set(found.events) : null;
}

function walkFound(step) {
  if (!found.events.length) return;
  const count = found.events.length;
  if (found.place < 0) {
    // From where the reader is.
    const from = partition(count, (i) => rowOf[found.events[i]] < selection.row);
    found.place = step > 0 ? from % count : (from - 1 + count) % count;
  } else {
    found.place = (found.place + step + count) % count;
  }
  selectEvent(found.events[found.place]);
}

const foundText = () => {
  if (!found.text.trim()) return "";
  if (!found.events.length) return "nothing";
  return found.place < 0 ? `${found.events.length}` : `${found.place + 1} / ${found.events.length}`;
};
