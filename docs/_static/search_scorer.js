/* What readers want comes first: the guide before the reference, and both before pages for developers. */
var Scorer = {
  score: ([page, title, anchor, description, score]) => {
    if (/^(guide\/|install|quick-start|faq)/.test(page)) return score + 12;
    if (/^(changelog|design|contributing|performance|accuracy|genindex)/.test(page)) return score - 12;
    return score;
  },
  /* Sphinx's own */
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
