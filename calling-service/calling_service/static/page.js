// Makes the page live: steps open in place and by keyboard, a run is followed while it is on, a new one is drawn
// arrow by arrow. All of it is fetched from the addresses that work without this script.
"use strict";

const BEAT = 420; // milliseconds between two arrows
const POLL = 250; // milliseconds between two looks at a run
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const flow = document.getElementById("flow");
let latest = 0; // the last look that was asked for; answers of earlier ones come too late

const run = () => flow.querySelector("[data-run]");
const current = () => flow.querySelector(".items [aria-current]");
const items = () => [...flow.querySelectorAll(".items > li")];

async function page(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${answer.status} ${address}`);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

// Draw the items from the one with that index on, one after the other.
function draw(from) {
  items().slice(from).forEach((item, beat) => {
    item.classList.add("arriving");
    item.style.animationDelay = `${beat * BEAT}ms`;
  });
}

function show(found, from) {
  flow.replaceChildren(...found);
  if (!calm.matches) draw(from);
  ready();
}

async function open(address, focus) {
  const look = ++latest;
  const url = new URL(address);
  url.searchParams.set("only", "flow");
  const found = await page(url);
  if (look !== latest) return;
  history.replaceState(null, "", address.replace("#pane", ""));
  show(found.body.childNodes, Infinity);
  if (focus) current().focus({ preventScroll: false });
}

// Follow a run that is on; when it has ended, the books around it may have changed too.
async function follow() {
  const look = latest;
  const drawn = items().length;
  const found = await page(`${location.pathname}?only=flow`);
  if (look !== latest) return setTimeout(follow, POLL);
  show(found.body.childNodes, drawn);
  if (run().hasAttribute("data-running")) return setTimeout(follow, POLL);
  const whole = await page(location.pathname);
  for (const id of ["around", "start"]) document.getElementById(id).replaceWith(whole.getElementById(id));
}

function ready() {
  const play = document.getElementById("play");
  if (play) play.hidden = calm.matches;
}

flow.addEventListener("click", (event) => {
  if (event.target.id === "play") return play();
  const link = event.target.closest("a[data-step]");
  if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  open(link.href, link.closest(".items"));
});

function play() {
  for (const item of items()) item.classList.remove("arriving");
  void flow.offsetWidth; // so that the animation begins anew
  draw(0);
}

document.addEventListener("keydown", (event) => {
  if (event.metaKey || event.ctrlKey || event.altKey || event.target.closest("input, select, textarea")) return;
  const way = { ArrowRight: "next", j: "next", ArrowLeft: "prev", k: "prev" }[event.key];
  const link = way && flow.querySelector(`.pane [rel=${way}]`);
  if (!link) return;
  event.preventDefault();
  open(link.href, true);
});

ready();
if (run()?.hasAttribute("data-new") && !calm.matches && !location.hash) draw(0);
if (run()?.hasAttribute("data-running")) setTimeout(follow, POLL);
