// What the tests ask of a page that is open in a browser: each function gives a list of faults in words, empty when there are none.
"use strict";

window.audit = (() => {
  const named = (element) => {
    const id = element.id ? `#${element.id}` : "";
    const text = (element.getAttribute("aria-label") || element.textContent).trim().replace(/\s+/g, " ").slice(0, 60);
    return `${element.localName}${id} "${text}"`;
  };

  const scrolls = (element) => {
    for (let one = element.parentElement; one && one !== document.body; one = one.parentElement) {
      if (getComputedStyle(one).overflowX !== "visible") return true;
    }
    return false;
  };

  // Elements that stick out of the page's width, unless they lie in a box that scrolls by itself.
  const overflow = () => {
    const room = document.documentElement.clientWidth;
    const wide = [...document.body.querySelectorAll("*")].filter(
      (one) => one.getBoundingClientRect().right > room + 0.5 && one.checkVisibility() && !scrolls(one),
    );
    const outermost = wide.filter((one) => !wide.includes(one.parentElement));
    const faults = outermost.map((one) => `wider than the page: ${named(one)}`);
    if (document.documentElement.scrollWidth > room) faults.push("the page scrolls sideways");
    return faults;
  };

  const drawings = () => [...document.querySelectorAll("figure svg")];

  // Drawings without size or content, and words that their edges cut off.
  const figures = () =>
    drawings().flatMap((svg) => {
      const room = svg.getBoundingClientRect();
      if (!svg.checkVisibility() || room.width < 100 || room.height < 20) return [`not visible: ${named(svg)}`];
      const marks = [...svg.querySelectorAll("path, circle, rect, line, polyline, use")];
      const seen = marks.some((one) => Math.max(one.getBoundingClientRect().width, one.getBoundingClientRect().height));
      const cut = [...svg.querySelectorAll("text")].filter((text) => {
        const box = text.getBoundingClientRect();
        return box.left < room.left - 1 || box.right > room.right + 1 || box.top < room.top - 1 || box.bottom > room.bottom + 1;
      });
      return [...(seen ? [] : [`nothing drawn: ${named(svg)}`]), ...cut.map((text) => `cut off: ${named(text)}`)];
    });

  const rgba = (() => {
    const context = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    const known = new Map();
    return (colour) => {
      if (!known.has(colour)) {
        context.clearRect(0, 0, 1, 1);
        context.fillStyle = colour;
        context.fillRect(0, 0, 1, 1);
        const [red, green, blue, alpha] = context.getImageData(0, 0, 1, 1).data;
        known.set(colour, [red, green, blue, alpha / 255]);
      }
      return known.get(colour);
    };
  })();

  const over = (top, opacity, below) => {
    const share = top[3] * opacity;
    return [0, 1, 2].map((channel) => share * top[channel] + (1 - share) * below[channel]);
  };

  // Relative luminance, and contrast by it: WCAG 2.2.
  const luminance = (colour) => {
    const [red, green, blue] = colour.slice(0, 3).map((channel) => {
      const share = channel / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const contrast = (one, other) => {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };

  const paper = () => over(rgba(getComputedStyle(document.body).backgroundColor), 1, [255, 255, 255]);

  // What lies under a drawing's word: the page, and what is filled there before it.
  const under = (svg, text) => {
    const box = text.getBoundingClientRect();
    const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
    let colour = paper();
    for (const shape of svg.querySelectorAll("rect, circle, path, polygon")) {
      if (shape.compareDocumentPosition(text) & Node.DOCUMENT_POSITION_PRECEDING) break;
      const [area, style] = [shape.getBoundingClientRect(), getComputedStyle(shape)];
      if (style.fill === "none" || shape.closest("defs, clipPath")) continue;
      if (x < area.left || x > area.right || y < area.top || y > area.bottom) continue;
      const opacity = style.fillOpacity * style.opacity;
      if (opacity) colour = over(rgba(style.fill), opacity, colour);
    }
    return colour;
  };

  // Words in drawings that are too pale to read: axe looks at the page's own text only.
  const pale = (least = 4.5) =>
    drawings().flatMap((svg) =>
      [...svg.querySelectorAll("text")]
        .filter((text) => {
          const [below, style] = [under(svg, text), getComputedStyle(text)];
          const ink = over(rgba(style.fill), style.fillOpacity * style.opacity, below);
          return text.textContent.trim() && contrast(ink, below) < least;
        })
        .map((text) => `too pale: ${named(text)}`),
    );

  const isDark = () => luminance(paper()) < 0.2;

  // Of a page without its script: rows and headings that are not shown, and controls that do nothing.
  const unread = () => {
    const lost = [...document.querySelectorAll("h1, h2, tbody tr")].filter((one) => !one.getBoundingClientRect().height);
    const dead = [...document.querySelectorAll("button, input, select")].filter((one) => one.checkVisibility());
    return [...lost.map((one) => `not shown: ${named(one)}`), ...dead.map((one) => `does nothing: ${named(one)}`)];
  };

  // Of a printed page: what is folded away, and what only a screen has a use for.
  const unprinted = () => {
    const folded = [...document.querySelectorAll("details > :not(summary)")].filter((one) => !one.checkVisibility());
    const useless = [...document.querySelectorAll("nav, input, .skip, button")].filter(
      (one) => one.checkVisibility() && !one.closest("th, .legend"), // a heading that sorts is still a heading
    );
    return [...folded.map((one) => `folded away: ${named(one)}`), ...useless.map((one) => `of no use: ${named(one)}`)];
  };

  const unfold = () => document.querySelectorAll("details").forEach((one) => (one.open = true));

  return { overflow, figures, pale, isDark, unread, unprinted, unfold };
})();
