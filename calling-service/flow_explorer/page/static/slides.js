// Turns the slides of a lesson by keyboard, also by that of a presenter's remote control. It follows the links of the page.
"use strict";

const TURNS = { ArrowRight: "next", PageDown: "next", " ": "next", ArrowLeft: "prev", PageUp: "prev", Escape: "up" };
const OWN_SPACE = "button, summary"; // which the space bar presses

document.addEventListener("keydown", (event) => {
  const rel = TURNS[event.key];
  if (!rel || event.metaKey || event.ctrlKey || event.altKey || event.shiftKey) return;
  if (event.key === " " && event.target.closest(OWN_SPACE)) return;
  if (rel === "up" && document.body.classList.contains("opened")) return document.body.classList.remove("opened");
  const link = document.querySelector(`body > :is(.turn, header) > [rel="${rel}"]`);
  if (!link) return;
  event.preventDefault();
  link.click();
});

document.querySelector('.items [aria-current="step"]')?.scrollIntoView({ block: "nearest" }); // of a long diagram

// An opened message takes the place of the text.
function showMessage(event) {
  const isStep = event.type === "click" ? event.target.closest("[data-step]") : "jk".includes(event.key);
  if (isStep && document.querySelector(".pane")) document.body.classList.add("opened");
}

document.addEventListener("click", showMessage);
document.addEventListener("keydown", showMessage);
