// What the theme and the plots leave unsaid to those who listen to a page.
window.addEventListener("load", () => {
    // The search button's name must hold the words that it shows.
    for (const button of document.querySelectorAll(".search-button-field")) button.removeAttribute("aria-label");

    // A plot's slider has its name beside it, not on it. Plots come after the page, in shadow roots that nothing
    // announces.
    const name = root => {
        for (const node of root.querySelectorAll("*")) {
            const title = root.querySelector(".bk-slider-title")?.textContent || "slider";
            if (node.matches(".noUi-handle")) node.setAttribute("aria-label", title);
            if (node.shadowRoot) name(node.shadowRoot);
        }
    };
    let left = 60;
    const timer = setInterval(() => { name(document); if (!--left) clearInterval(timer); }, 500);
});
