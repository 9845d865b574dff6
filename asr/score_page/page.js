"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const AT_ONCE = 40; // utterances that are added to the list in one go
const KINDS = { S: "substitution", D: "deletion", I: "insertion" };
const query = document.getElementById("query");
const filter = document.getElementById("filter");
const order = document.getElementById("order");
const system = document.getElementById("system");
const list = document.getElementById("utterances");
const count = document.getElementById("count");
const more = document.getElementById("more");
const sound = new Audio();
let chosen = []; // numbers of the utterances that the controls let through, in their order
let shown = 0; // how many of them are in the list
let playing = null; // { button, words, times, start, end } of the utterance that is heard
const nearTheEnd = new IntersectionObserver(
  (entries) => entries.some((entry) => entry.isIntersecting) && shown < chosen.length && add(AT_ONCE),
  { rootMargin: "600px" },
);

// A word of an alignment is a text where both agree, else [reference or null, hypothesis or null].
function kind(word) {
  if (typeof word === "string") return "";
  return word[0] === null ? "I" : word[1] === null ? "D" : "S";
}

function number(utterance, which) {
  return utterance.counts[Number(system.value)][which];
}

const errors = (utterance) => number(utterance, 1) + number(utterance, 2) + number(utterance, 3);
const rate = (utterance) => (number(utterance, 0) ? errors(utterance) / number(utterance, 0) : errors(utterance) ? Infinity : 0);

const FILTERS = {
  all: () => true,
  wrong: (utterance) => errors(utterance) > 0,
  right: (utterance) => errors(utterance) === 0,
  S: (utterance) => number(utterance, 1) > 0,
  D: (utterance) => number(utterance, 2) > 0,
  I: (utterance) => number(utterance, 3) > 0,
  differ: (utterance) => new Set(utterance.counts.map((counts) => counts.slice(1).join())).size > 1,
};
const ORDERS = {
  given: null,
  errors: (a, b) => errors(b) - errors(a),
  rate: (a, b) => (rate(a) === rate(b) ? errors(b) - errors(a) : rate(b) - rate(a)),
  long: (a, b) => number(b, 0) - number(a, 0),
  id: (a, b) => a.id.localeCompare(b.id, undefined, { numeric: true }),
};

function choose() {
  const wanted = query.value.trim().normalize("NFC").toLocaleLowerCase();
  chosen = data.utterances.filter(FILTERS[filter.value]);
  if (wanted) chosen = chosen.filter((utterance) => haystack(utterance).includes(wanted));
  if (ORDERS[order.value]) chosen = chosen.slice().sort(ORDERS[order.value]);
  stop();
  list.replaceChildren();
  shown = 0;
  const all = data.utterances.length;
  count.textContent = chosen.length === all ? `${all} utterances` : `${chosen.length} of ${all} utterances`;
  add(AT_ONCE);
}

function haystack(utterance) {
  utterance.haystack ??= [utterance.id, utterance.speaker ?? "", side(utterance.systems[0], 0),
    ...utterance.systems.map((words) => side(words, 1))].join("\n").toLocaleLowerCase();
  return utterance.haystack;
}

// The reference of an alignment (0), or its hypothesis (1).
function side(words, which) {
  return words.map((word) => (typeof word === "string" ? word : word[which])).filter((word) => word !== null).join(" ");
}

function add(howMany) {
  const next = chosen.slice(shown, shown + howMany);
  list.append(...next.map(item));
  shown += next.length;
  more.hidden = shown >= chosen.length;
  nearTheEnd.unobserve(more); // observed anew, it tells again if the end is still in sight
  nearTheEnd.observe(more);
}

function make(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function item(utterance) {
  const made = make("li", "utterance");
  const head = make("div", "head");
  head.append(make("h3", "", utterance.id));
  if (utterance.speaker) head.append(make("span", "", utterance.speaker));
  made.append(head);
  const rows = utterance.systems.map((words, index) => {
    const [numWords, s, d, i] = utterance.counts[index];
    const name = data.systems.length > 1 ? `${data.systems[index]}: ` : "";
    made.append(make("p", "system", `${name}${s + d + i} wrong of ${numWords} (${s} S, ${d} D, ${i} I)`));
    const row = make("div", "aligned");
    row.append(...words.map(pair));
    made.append(row);
    return row;
  });
  if (utterance.audio) head.append(player(utterance, rows));
  return made;
}

function pair(word) {
  const mark = kind(word);
  const made = make("span", `pair ${mark}`);
  const [reference, hypothesis] = mark ? word : [word, word];
  const above = make("bdi", "", reference ?? "·");
  const below = make("bdi", "", hypothesis ?? "·");
  if (!mark) below.setAttribute("aria-hidden", "true"); // it is the same word
  made.append(above, below);
  if (mark) {
    const letter = make("abbr", "", mark);
    letter.setAttribute("aria-hidden", "true");
    letter.title = KINDS[mark];
    made.append(letter, make("span", "hidden", ` (${KINDS[mark]}) `));
  }
  return made;
}

function player(utterance, rows) {
  const button = make("button", "", "▶ play");
  button.type = "button";
  button.setAttribute("aria-label", `play ${utterance.id}`);
  button.addEventListener("click", () => {
    const again = playing?.button === button;
    stop();
    if (again) return;
    const index = Number(system.value);
    const words = [...rows[index].children].filter((_, at) => kind(utterance.systems[index][at]) !== "D");
    const { start = 0, end = Infinity } = utterance;
    playing = { button, words, times: utterance.times?.[index] ?? [], start, end };
    button.textContent = "■ stop";
    sound.src = utterance.audio;
    sound.currentTime = start;
    sound.play().catch(() => { stop(); button.textContent = "cannot be played"; });
  });
  return button;
}

function stop() {
  sound.pause();
  if (!playing) return;
  playing.button.textContent = "▶ play";
  playing.words.forEach((word) => word.classList.remove("heard"));
  playing = null;
}

function follow() {
  if (!playing) return;
  if (sound.currentTime >= playing.end) return stop();
  const now = sound.currentTime - playing.start;
  playing.words.forEach((word, at) => {
    const time = playing.times[at];
    word.classList.toggle("heard", Boolean(time) && time[0] <= now && now < time[1]);
  });
  if (!sound.paused) requestAnimationFrame(follow);
}

for (const control of [filter, order, system]) control.addEventListener("change", choose);
query.addEventListener("input", choose);
more.addEventListener("click", () => add(AT_ONCE));
sound.addEventListener("play", follow);
sound.addEventListener("ended", stop);
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !event.target.closest("input, select")) {
    event.preventDefault();
    query.focus();
  }
});
window.addEventListener("beforeprint", () => add(chosen.length));
choose();
