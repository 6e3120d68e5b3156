
// What follows adds to a comparison: contenders shown or hidden by the key, and what the pointer is over, in words.
const key = document.getElementById("key");
const hiddenPlaces = new Set();

function showContenders() {
  document.querySelectorAll("[data-contender]").forEach((mark) => {
    mark.classList.toggle("away", hiddenPlaces.has(mark.dataset.contender));
  });
  document.querySelectorAll("#key button[data-place]").forEach((button) => {
    button.setAttribute("aria-pressed", String(!hiddenPlaces.has(button.dataset.place)));
  });
}

function lightUp(place) {
  document.body.classList.toggle("lit-one", place !== undefined);
  document.querySelectorAll("[data-contender].lit").forEach((mark) => mark.classList.remove("lit"));
  if (place === undefined) return;
  document.querySelectorAll(`[data-contender="${place}"]`).forEach((mark) => mark.classList.add("lit"));
}

function makeButton(item) {
  const button = document.createElement("button");
  button.type = "button";
  button.dataset.place = item.dataset.place;
  button.setAttribute("aria-pressed", "true");
  button.title = "Show or hide in every figure";
  button.append(...item.childNodes);
  item.append(button);
  button.addEventListener("click", () => {
    const place = item.dataset.place;
    if (!hiddenPlaces.delete(place)) hiddenPlaces.add(place);
    showContenders();
  });
  button.addEventListener("pointerenter", () => lightUp(item.dataset.place));
  button.addEventListener("pointerleave", () => lightUp());
}

function makeShowAll() {
  const item = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "all";
  button.textContent = "Show all";
  button.addEventListener("click", () => {
    hiddenPlaces.clear();
    showContenders();
  });
  item.append(button);
  key.append(item);
}

function makeTips() {
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  document.body.append(tip);
  document.querySelectorAll("figure svg title").forEach((title) => {
    const mark = title.parentElement; // the browser's own tip would come late and in a second box
    mark.dataset.tip = title.textContent;
    title.remove();
  });
  const hide = () => { tip.hidden = true; };
  document.addEventListener("pointerover", (event) => {
    const mark = event.target.closest("[data-tip]");
    if (!mark) return hide();
    tip.textContent = mark.dataset.tip;
    tip.hidden = false;
    const { width, height } = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(8, Math.min(event.clientX + 12, innerWidth - width - 8))}px`;
    tip.style.top = `${event.clientY - height - 12 > 0 ? event.clientY - height - 12 : event.clientY + 18}px`;
  });
  document.addEventListener("scroll", hide, { passive: true });
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
}

[...key.children].forEach(makeButton);
makeShowAll();
makeTips();
