// The page is complete without this: it adds sorting, a filter and copy buttons.
"use strict";

const dataRows = (table) => [...table.querySelectorAll("tbody tr:not(.group)")];

function sortKey(row, column) {
  const cell = row.cells[column] ?? row.cells[row.cells.length - 1]; // a wide cell stands for all that follow
  if (cell.dataset.value !== undefined) return Number(cell.dataset.value);
  return cell.textContent.trim().toLowerCase();
}

function compare(a, b, column, sign) {
  const [left, right] = [sortKey(a, column), sortKey(b, column)];
  if (typeof left !== typeof right) return typeof left === "number" ? -1 : 1; // what was not measured comes last
  return sign * (typeof left === "number" ? left - right : left.localeCompare(right));
}

function makeSortable(table) {
  const homes = dataRows(table).map((row) => [row, row.parentElement]);
  const headers = [...table.tHead.rows[0].cells];
  headers.forEach((header, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    header.append(button);
    button.addEventListener("click", () => {
      const next = { none: "ascending", ascending: "descending", descending: "none" };
      const order = next[header.getAttribute("aria-sort") || "none"];
      headers.forEach((other) => other.removeAttribute("aria-sort"));
      table.classList.toggle("sorted", order !== "none");
      if (order === "none") {
        homes.forEach(([row, home]) => home.append(row));
        return;
      }
      header.setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      const rows = homes.map(([row]) => row).sort((a, b) => compare(a, b, column, sign));
      table.tBodies[0].append(...rows);
    });
  });
}

function makeFilter(table) {
  const label = document.createElement("label");
  label.textContent = "Filter ";
  const input = document.createElement("input");
  input.type = "search";
  input.placeholder = "words, such as conv2d torch";
  const said = document.createElement("span");
  said.setAttribute("role", "status");
  label.append(input);
  const bar = document.createElement("p");
  bar.className = "filter";
  bar.append(label, said);
  table.closest(".box").before(bar);
  const rows = dataRows(table).map((row) => [row, row.textContent.toLowerCase()]);
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach(([row, text]) => {
      row.hidden = !words.every((word) => text.includes(word));
      shown += row.hidden ? 0 : 1;
    });
    table.querySelectorAll("tr.group").forEach((group) => {
      group.hidden = ![...group.parentElement.rows].some((row) => row !== group && !row.hidden);
    });
    said.textContent = words.length ? `${shown} of ${rows.length} lines` : "";
  });
}

function makeCopyable(block) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(block.querySelector("pre").textContent);
    button.textContent = "Copied";
  });
  block.append(button);
}

document.querySelectorAll("table.sortable").forEach((table) => {
  makeSortable(table);
  makeFilter(table);
});
if (navigator.clipboard) document.querySelectorAll(".copyable").forEach(makeCopyable);
