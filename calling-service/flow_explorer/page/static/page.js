// Makes the page live: steps open in place and by keyboard, a run is updated while it is running, and a new run is drawn
// arrow by arrow. Everything comes from the addresses that also work without this script.
"use strict";

const ARROW_INTERVAL = 420; // milliseconds between two arrows
const POLL_INTERVAL = 250; // milliseconds between two requests for a run that is running
const PROJECTOR = document.body.classList.contains("projector"); // whose arrow keys turn the slides
const DIRECTIONS = { ...(!PROJECTOR && { ArrowRight: "next", ArrowLeft: "prev" }), j: "next", k: "prev" };
const CURRENT = '.items [aria-current="step"]';

const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");
const flow = document.getElementById("flow");
const arrivals = []; // when each item is drawn, by the page's clock
let requests = 0; // for a step; a response to an earlier request than the last one is dropped

const items = () => [...flow.querySelectorAll(".items > li")];
const running = () => flow.querySelector("[data-running]") !== null;

async function fetched(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${answer.status} ${address}`);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

// Open a step in place, or follow its link if that fails. Then focus the first of these elements that the page has.
async function open(link, ...focused) {
  const request = ++requests;
  const address = new URL(link.href);
  let found;
  try {
    found = await fetched(`${address.pathname}?only=flow`);
  } catch {
    return location.assign(address);
  }
  if (request !== requests) return;
  history.replaceState(null, "", address.pathname);
  for (const part of [".diagram", ".pane"]) flow.querySelector(part).replaceWith(found.querySelector(part));
  [...focused, CURRENT].map((each) => flow.querySelector(each)).find(Boolean).focus({ preventScroll: true });
  reveal(flow.querySelector(CURRENT), "nearest");
  const pane = flow.querySelector(".pane");
  if (link.closest(".items") && pane.getBoundingClientRect().top > innerHeight * 0.8) reveal(pane, "start");
}

function reveal(element, block) {
  element.scrollIntoView({ block, behavior: reducedMotion.matches ? "instant" : "smooth" });
}

// Draw the items one after another. A delay below zero continues an animation that has already started.
function draw() {
  if (reducedMotion.matches) return;
  const now = performance.now();
  items().forEach((item, place) => {
    arrivals[place] ??= Math.max(now, (arrivals[place - 1] ?? -ARROW_INTERVAL) + ARROW_INTERVAL);
    item.classList.add("arriving");
    item.style.animationDelay = `${arrivals[place] - now}ms`;
  });
}

// Fetch a run again and again until it has ended.
async function follow() {
  const request = requests;
  let found;
  try {
    found = await fetched(`${location.pathname}?only=flow`);
  } catch {
    return setTimeout(follow, 4 * POLL_INTERVAL);
  }
  if (request === requests) {
    const step = flow.contains(document.activeElement) && document.activeElement.dataset.step;
    flow.replaceChildren(...found.body.childNodes);
    draw();
    if (step) flow.querySelector(`.items [data-step="${step}"]`)?.focus({ preventScroll: true });
  }
  if (running()) return setTimeout(follow, POLL_INTERVAL);
  showReplayButton();
  fetched(location.pathname).then(renew, () => {}); // on failure those parts stay as they were
}

// Update what a run also changes: the cached token, the timesheets and the list of runs.
function renew(page) {
  for (const id of ["start", "around"]) document.getElementById(id)?.replaceWith(page.getElementById(id)); // not in a lesson
}

function replay() {
  for (const item of items()) item.classList.remove("arriving");
  flow.getBoundingClientRect(); // so that the animation starts again
  arrivals.length = 0;
  draw();
}

function showReplayButton() {
  const button = document.getElementById("play");
  if (button) button.hidden = reducedMotion.matches || running();
}

flow.addEventListener("click", (event) => {
  if (event.target.id === "play") return replay();
  const link = event.target.closest("a[data-step]");
  if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  open(link, `.pane nav [rel="${link.rel}"]`);
});

document.addEventListener("keydown", (event) => {
  const direction = DIRECTIONS[event.key];
  if (!direction || event.metaKey || event.ctrlKey || event.altKey || event.target.closest(".scroll, pre")) return;
  const link = flow.querySelector(`.pane nav [rel="${direction}"]`);
  if (!link) return;
  event.preventDefault();
  open(link);
});

showReplayButton();
if (flow.querySelector("[data-new]") && location.hash !== "#pane") draw();
else arrivals.push(...items().map(() => 0));
if (running()) setTimeout(follow, POLL_INTERVAL);
