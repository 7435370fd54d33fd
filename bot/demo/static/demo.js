// The front page: who there is, what each can see, and which of it the frame shows.
const $ = (id) => document.getElementById(id);
const POLL = 1500; // milliseconds; a new channel is there before anybody looks for it
const tab = sessionStorage.tab ||= crypto.randomUUID();

let server = null; // the last answer of /demo/state
let drawn = ""; // what the list of people was drawn from
let chosen = null; // {person, channel}, ids as text
let shows = 0; // how often the frame was moved; and whether it is being moved now
let moving = 0;
let told = ""; // the last action whose outcome was looked at
const known = new Map(); // person's id -> ids of the channels that were there before
const read = new Map(Object.entries(JSON.parse(sessionStorage.read || "{}")));

function make(tag, props = {}, ...children) {
  const node = Object.assign(document.createElement(tag), props);
  node.append(...children);
  return node;
}

const label = (channel) => channel.kind === "text" ? `# ${channel.name}` : channel.kind === "voice" ? `🔊 ${channel.name}` : `✉ ${channel.name}`;
const initials = (name) => name.split(" ").map((word) => word[0]).slice(0, 2).join("");
const personOf = (id) => server.people.find((person) => person.id === id);

function about(person) {
  if (person.moderator) return make("span", { className: "about role", textContent: "Moderator" });
  return make("span", { className: "about", textContent: person.groups.join(", ") || "In no group yet" });
}

function chip(person, channel) {
  if (channel.kind === "voice") return make("li", {}, make("span", { className: "voice", textContent: label(channel), title: "A voice channel that this person can join" }));
  const button = make("button", { type: "button", textContent: label(channel), title: channel.category || "" });
  const here = chosen && chosen.person === person.id && chosen.channel === channel.id;
  if (here) button.setAttribute("aria-current", "true");
  const key = `${person.id}/${channel.id}`;
  if (here || !read.has(key) && channel.kind !== "dm") read.set(key, channel.last);
  if (BigInt(channel.last) > BigInt(read.get(key) || 0)) button.append(make("span", { className: "dot", title: "Something new" }));
  const before = known.get(person.id);
  if (before && !before.has(channel.id)) button.classList.add("fresh");
  button.addEventListener("click", () => choose(person.id, channel.id));
  return make("li", {}, button);
}

function card(person, index) {
  const on = chosen?.person === person.id;
  const head = make("button", { type: "button" },
    make("span", { className: `face face${index % 6}`, textContent: initials(person.name), ariaHidden: "true" }),
    make("span", {}, make("span", { className: "name", textContent: person.name }), about(person)));
  head.addEventListener("click", () => choose(person.id, sameChannel(person)));
  const chips = make("ul", { className: "chips", ariaLabel: `What ${person.name} can see` }, ...person.channels.map((c) => chip(person, c)));
  const item = make("li", { className: on ? "person on" : "person" }, head, chips);
  item.dataset.person = person.name;
  return item;
}

// Another person in the channel that is open now, where they can see it.
function sameChannel(person) {
  const open = person.channels.filter((channel) => channel.kind === "text");
  return (open.find((channel) => channel.id === chosen?.channel) || open[0]).id;
}

function draw() {
  const from = JSON.stringify([server.people, chosen]);
  if (from === drawn) return;
  drawn = from;
  const focused = document.activeElement?.closest?.("#people button");
  const index = focused ? [...document.querySelectorAll("#people button")].indexOf(focused) : -1;
  $("server").textContent = server.name;
  $("people").replaceChildren(...server.people.map(card));
  for (const person of server.people) known.set(person.id, new Set(person.channels.map((c) => c.id)));
  sessionStorage.read = JSON.stringify(Object.fromEntries(read));
  document.querySelectorAll("#people button")[index]?.focus({ preventScroll: true });
  if (matchMedia("(min-width: 760px)").matches) document.querySelector(".person.on")?.scrollIntoView({ block: "nearest" });
  for (const node of document.querySelectorAll("[data-name]")) {
    const who = server.people.find((p) => node.dataset.name === "moderator" ? p.moderator : !p.moderator && !p.groups.length);
    if (who) node.textContent = who.name;
  }
  const person = chosen && personOf(chosen.person);
  const channel = person?.channels.find((c) => c.id === chosen.channel);
  $("bar").hidden = !person;
  if (person) {
    $("who-name").textContent = person.name;
    $("who-where").textContent = channel ? label(channel) : "";
  }
}

// The demo's own time, as this browser's owner reads it.
function clock() {
  const { now, busy } = server.time;
  $("now").textContent = new Date(now).toLocaleString([], { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  for (const button of $("jumps").children) button.disabled = busy;
}

async function move(to) {
  server.time = await (await fetch("/demo/time", { method: "POST", body: JSON.stringify({ to }) })).json();
  server.time.busy = true; // until the next look says that it is done
  clock();
}

function notice(text) {
  $("notice").textContent = text;
  $("notice").hidden = !text;
}

function choose(person, channel) {
  history.replaceState(null, "", `#${person}/${channel}`);
  chosen = { person, channel };
  document.body.classList.add("inside");
  draw();
  show();
}

async function show() {
  const want = chosen;
  $("frame").replaceChildren(); // nobody goes on typing as the person before
  shows += 1;
  moving += 1;
  const answer = await fetch("/demo/show", { method: "POST", body: JSON.stringify({ tab, ...want }) }).finally(() => { moving -= 1; });
  if (want !== chosen) return;
  if (!answer.ok) return gone();
  notice("");
  const frame = make("iframe", { src: (await answer.json()).url, title: `The channel, as ${personOf(want.person)?.name} sees it` });
  $("frame").replaceChildren(frame);
}

// The channel went away, or this person may not see it any more: to one that they can see.
function gone() {
  const person = personOf(chosen.person);
  if (!person) return;
  notice(`${person.name} cannot see that channel any more.`);
  choose(person.id, sameChannel({ channels: person.channels.filter((c) => c.id !== chosen.channel) }));
}

// SimCord waits for the bot and says how it went; what went wrong is told here.
function lastAction() {
  const done = document.querySelector("iframe")?.contentWindow?.simcordPreview?.lastAction;
  if (!done || done.correlation === told) return;
  told = done.correlation;
  if (done.settlement === "timeout") notice("Muster is still busy with that. The page shows more when it is done.");
  else if (["failed", "rejected"].includes(done.settlement)) notice("That did not work. Try it once more.");
  else if (!$("notice").dataset.lost) notice("");
}

async function look() {
  try {
    const before = shows;
    const answer = await fetch(`/demo/state?tab=${tab}`);
    if (!answer.ok) throw new Error(answer.status);
    server = await answer.json();
    if ($("notice").dataset.lost) { notice(""); delete $("notice").dataset.lost; }
    if (!chosen) start();
    draw();
    clock();
    lastAction();
    const person = chosen && personOf(chosen.person);
    if (person && !person.channels.some((c) => c.id === chosen.channel)) gone();
    else if (person && before === shows && !moving && !server.alive && document.visibilityState === "visible") show();
  } catch {
    notice("The demo has stopped. Start it again with: make demo");
    $("notice").dataset.lost = "1";
  }
  setTimeout(look, POLL);
}

// The place in the address, else (beside the list, not on a phone) the moderator in #general.
function start() {
  const [person, channel] = location.hash.slice(1).split("/");
  const found = personOf(person)?.channels.find((c) => c.id === channel && c.kind !== "voice");
  if (found) return choose(person, channel);
  if (matchMedia("(min-width: 760px)").matches) {
    const moderator = server.people.find((p) => p.moderator);
    choose(moderator.id, sameChannel(moderator));
  }
}

for (const button of $("jumps").children) button.addEventListener("click", () => move(button.dataset.to));
$("back").addEventListener("click", () => document.body.classList.remove("inside"));
$("tips").open = matchMedia("(max-width: 759px)").matches || innerHeight > 760;
look();
