// Light, dark, or as the system says. Runs before the first paint.
(() => {
  const names = ["system", "light", "dark"];
  let theme = localStorage.getItem("theme");
  if (!names.includes(theme)) theme = "system";
  const icons = {
    system: '<circle cx="8" cy="8" r="5.5"/><path d="M8 2.5v11a5.5 5.5 0 0 0 0-11" fill="currentColor" stroke="none"/>',
    light: '<circle cx="8" cy="8" r="3"/><path d="M8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1"/>',
    dark: '<path d="M13.5 9.5A6 6 0 1 1 6.5 2.5a5 5 0 0 0 7 7z"/>',
  };
  const apply = () => {
    document.documentElement.dataset.theme = theme;
    const button = document.getElementById("theme");
    if (!button) return;
    button.innerHTML = `<svg viewBox="0 0 16 16" aria-hidden="true">${icons[theme]}</svg>`;
    button.setAttribute("aria-label", `Theme: ${theme === "system" ? "as the system" : theme}`);
    button.title = button.getAttribute("aria-label");
  };
  apply();
  addEventListener("DOMContentLoaded", () => {
    apply();
    document.getElementById("theme").addEventListener("click", () => {
      theme = names[(names.indexOf(theme) + 1) % names.length];
      localStorage.setItem("theme", theme);
      apply();
    });
  });
})();
