// The little that a page does by itself; without it everything can still be read and done.
(() => {
  "use strict";

  // An event stream says that something changed; the part of the page is then fetched again.
  const follow = (part) => {
    const source = new EventSource(part.dataset.follow);
    source.addEventListener("changed", () => window.htmx && htmx.trigger(part, "changed"));
    source.addEventListener("end", () => {
      source.close();
      if (window.htmx) htmx.trigger(part, "changed");
    });
    addEventListener("pagehide", () => source.close(), { once: true });
  };

  // Filters and the like act when they change, so their button is not needed.
  const quick = (form) => form.addEventListener("change", () => form.requestSubmit());

  // A second click must not send a form twice.
  const once = (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "yes";
    setTimeout(() => delete form.dataset.sent, 5000);
  };

  // An open menu closes at a click elsewhere and at Escape.
  const shut = (event) => {
    document.querySelectorAll("details.me[open]").forEach((menu) => {
      if (event.key === "Escape") menu.querySelector("summary").focus();
      if (event.key === "Escape" || !menu.contains(event.target)) menu.open = false;
    });
  };

  document.querySelectorAll("[data-follow]").forEach(follow);
  document.querySelectorAll("[data-needless]").forEach((one) => (one.hidden = true));
  document.querySelectorAll("form[data-quick]").forEach(quick);
  document.addEventListener("submit", once);
  document.addEventListener("click", shut);
  document.addEventListener("keydown", (event) => event.key === "Escape" && shut(event));
  document.querySelectorAll("pre.log").forEach((log) => (log.scrollTop = log.scrollHeight));
})();
