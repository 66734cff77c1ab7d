// What led to what: pasts, futures, and the events of one request.

// The events that led to one, itself among them, as a byte for each event.
function pastOf(event) {
  const inside = new Uint8Array(eventCount);
  const open = [event];
  while (open.length) {
    const at = open.pop();
    if (at < 0 || inside[at]) continue;
    inside[at] = 1;
    open.push(...leadsTo(at));
  }
  return inside;
}

// The events that one led to, itself among them. Causes stand before what they cause.
function futureOf(event) {
  const inside = new Uint8Array(eventCount);
  inside[event] = 1;
  const { end } = runOf(event);
  for (let at = event + 1; at < end; at++) {
    const [cause, sent, before] = [causeOf[at], sentOf[at], beforeOf[at]];
    if ((cause >= 0 && inside[cause]) || (sent >= 0 && inside[sent])
      || (before >= 0 && inside[before])) inside[at] = 1;
  }
  return inside;
}

function both(one, other) {
  return one.map((inside, i) => inside | other[i]);
}

const countOf = (inside) => inside.reduce((count, one) => count + one, 0);

// What an event caused: those that name it as their cause, or as what was sent.
let causedLists = null;
function causedBy(event) {
  if (!causedLists) {
    causedLists = new Map();
    const note = (cause, at) => {
      if (cause < 0) return;
      const list = causedLists.get(cause);
      if (!list) causedLists.set(cause, [at]);
      else if (list[list.length - 1] !== at) list.push(at);
    };
    for (let at = 0; at < eventCount; at++) {
      note(causeOf[at], at);
      note(sentOf[at], at);
    }
  }
  return causedLists.get(event) || [];
}

// Every request that clients asked, with its answer if there is one.
function findRequests() {
  const found = [];
  const open = new Map();
  for (let event = 0; event < eventCount; event++) {
    const kind = kindOf(event);
    if (wordOf(event) !== "noted" || (kind !== "asked" && kind !== "answered")) continue;
    const key = `${runOf(event).index} ${fieldOf(event, "client")} ${fieldOf(event, "request")}`;
    if (kind === "asked") {
      const request = { asked: event, answered: -1 };
      open.set(key, request);
      found.push(request);
    } else if (open.has(key) && open.get(key).answered < 0) {
      open.get(key).answered = event;
    }
  }
  return found;
}
const requests = findRequests();

function requestText(request) {
  const { asked, answered } = request;
  const operation = operationText(fieldOf(asked, "operation"));
  const side = isComparison ? `${["A", "B"][runOf(asked).index]}: ` : "";
  const answer = answered < 0 ? "no answer"
    : `→ ${plainText(fieldOf(answered, "result"))}`;
  const who = `client ${plainText(fieldOf(asked, "client"))} `
    + `#${plainText(fieldOf(asked, "request"))}`;
  return `${side}${who}: ${operation} ${answer}`;
}

// The events that a request caused and that led to its answer; all that it caused, without one.
function eventsOfRequest(request) {
  const future = futureOf(request.asked);
  if (request.answered < 0) return future;
  const past = pastOf(request.answered);
  return future.map((inside, i) => inside & past[i]);
}
