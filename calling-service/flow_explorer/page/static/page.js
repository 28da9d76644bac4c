// Makes the page live: steps open in place and by keyboard, a run is followed while it is on, and a new one is drawn
// arrow by arrow. All of it comes from the addresses that work without this script.
"use strict";

const BEAT = 420; // milliseconds between two arrows
const POLL = 250; // milliseconds between two looks at a run that is on
const WAYS = { ArrowRight: "next", j: "next", ArrowLeft: "prev", k: "prev" };

const CURRENT = '.items [aria-current="step"]';

const calm = matchMedia("(prefers-reduced-motion: reduce)");
const flow = document.getElementById("flow");
const arrivals = []; // when each item is drawn, by the page's clock
let opened = 0; // how many steps were asked for; an answer that comes after a later question is dropped

const items = () => [...flow.querySelectorAll(".items > li")];
const running = () => flow.querySelector("[data-running]") !== null;

async function fetched(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${answer.status} ${address}`);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

// Open a step in place, or where that fails as any link would; then focus the first of what is asked for that is there.
async function open(link, ...focused) {
  const question = ++opened;
  const address = new URL(link.href);
  let found;
  try {
    found = await fetched(`${address.pathname}?only=flow`);
  } catch {
    return location.assign(address);
  }
  if (question !== opened) return;
  history.replaceState(null, "", address.pathname);
  for (const part of [".diagram", ".pane"]) flow.querySelector(part).replaceWith(found.querySelector(part));
  [...focused, CURRENT].map((each) => flow.querySelector(each)).find(Boolean).focus({ preventScroll: true });
  reveal(flow.querySelector(CURRENT), "nearest");
  const pane = flow.querySelector(".pane");
  if (link.closest(".items") && pane.getBoundingClientRect().top > innerHeight * 0.8) reveal(pane, "start");
}

function reveal(element, block) {
  element.scrollIntoView({ block, behavior: calm.matches ? "instant" : "smooth" });
}

// Draw the items one after the other, each from its arrival on: a delay below zero goes on where it was.
function draw() {
  if (calm.matches) return;
  const now = performance.now();
  items().forEach((item, place) => {
    arrivals[place] ??= Math.max(now, (arrivals[place - 1] ?? -BEAT) + BEAT);
    item.classList.add("arriving");
    item.style.animationDelay = `${arrivals[place] - now}ms`;
  });
}

// Look at a run until it has ended.
async function follow() {
  const question = opened;
  let found;
  try {
    found = await fetched(`${location.pathname}?only=flow`);
  } catch {
    return setTimeout(follow, 4 * POLL);
  }
  if (question === opened) {
    const step = flow.contains(document.activeElement) && document.activeElement.dataset.step;
    flow.replaceChildren(...found.body.childNodes);
    draw();
    if (step) flow.querySelector(`.items [data-step="${step}"]`)?.focus({ preventScroll: true });
  }
  if (running()) return setTimeout(follow, POLL);
  offer();
  fetched(location.pathname).then(renew, () => {}); // what does not come stays as it was
}

// After a run the cache, the books and the list of runs have changed as well.
function renew(page) {
  for (const id of ["start", "around"]) document.getElementById(id).replaceWith(page.getElementById(id));
}

function replay() {
  for (const item of items()) item.classList.remove("arriving");
  flow.getBoundingClientRect(); // so that the animation begins anew
  arrivals.length = 0;
  draw();
}

function offer() {
  const button = document.getElementById("play");
  if (button) button.hidden = calm.matches || running();
}

flow.addEventListener("click", (event) => {
  if (event.target.id === "play") return replay();
  const link = event.target.closest("a[data-step]");
  if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  open(link, `.pane nav [rel="${link.rel}"]`);
});

document.addEventListener("keydown", (event) => {
  const way = WAYS[event.key];
  if (!way || event.metaKey || event.ctrlKey || event.altKey || event.target.closest(".scroll, pre")) return;
  const link = flow.querySelector(`.pane nav [rel="${way}"]`);
  if (!link) return;
  event.preventDefault();
  open(link);
});

offer();
if (flow.querySelector("[data-new]") && !location.hash) draw();
else arrivals.push(...items().map(() => 0));
if (running()) setTimeout(follow, POLL);
