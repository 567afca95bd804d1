// Asks the hub now and then whether it closes, and says so in a notification that stays.
// Written by hand as the module-federation container that JupyterLab and Notebook load.
(function () {
  const NAME = "hubfleet-notice";
  const SECONDS = 20;
  let shared;

  async function load(name) {
    const [offered] = Object.values(shared[name] || {});
    return offered ? (await offered.get())() : null;
  }

  async function activate() {
    const coreutils = await load("@jupyterlab/coreutils");
    const apputils = await load("@jupyterlab/apputils");
    const prefix = coreutils && coreutils.PageConfig.getOption("hubPrefix");
    if (!prefix || !apputils) {
      return;
    }
    let said = "";
    let shown = "";
    async function look() {
      let notice = said;
      try {
        const answer = await fetch(`${prefix}closing`, { cache: "no-store" });
        notice = answer.ok ? (await answer.json()).notice : said;
      } catch (error) {
        // The hub is away for a moment; what it said last holds.
      }
      if (notice !== said) {
        if (shown) {
          apputils.Notification.dismiss(shown);
        }
        shown = notice ? apputils.Notification.warning(notice, { autoClose: false }) : "";
        said = notice;
      }
    }
    await look();
    setInterval(look, SECONDS * 1000);
  }

  const plugin = { id: `${NAME}:plugin`, autoStart: true, activate: () => void activate() };
  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB[NAME] = {
    init: async (scope) => {
      shared = scope;
    },
    get: async () => () => ({ __esModule: true, default: plugin }),
  };
})();
