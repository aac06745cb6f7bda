// Holds objects of operators' own kinds (a JSON array on standard input) against the schemas that their operators publish.
//   node resources.mjs FOLDER     FOLDER: where npm has installed the packages below
import { existsSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { text } from "node:stream/consumers";

const packages = {
  "gateway.networking.k8s.io": "gateway-api",
  "cert-manager.io": "cert-manager",
  "external-secrets.io": "external-secrets",
  "monitoring.coreos.com": "prometheus-operator",
  "postgresql.cnpg.io": "cloudnative-pg",
};
// Nobody publishes these as a package.
const unpublished = ["barmancloud.cnpg.io"];

const folder = process.argv[2];
const objects = JSON.parse(await text(process.stdin));
let checked = 0;
const unchecked = [];
for (const object of objects) {
  const [group, version] = object.apiVersion.split("/");
  const name = `${object.kind}/${object.metadata.name}`;
  if (unpublished.includes(group)) {
    unchecked.push(name);
    continue;
  }
  const file = `${folder}/node_modules/@kubernetes-models/${packages[group]}/${group}/${version}/${object.kind}.js`;
  if (!packages[group] || !existsSync(file)) {
    console.error(`${name}: there is no ${object.apiVersion} of that kind`);
    process.exitCode = 1;
    continue;
  }
  const model = (await import(pathToFileURL(file)))[object.kind];
  try {
    new model(object).validate();
    checked += 1;
  } catch (error) {
    console.error(`${name}: ${error.message}`);
    process.exitCode = 1;
  }
}
console.log(`${checked} of operators' kinds${unchecked.length ? `, not ${unchecked.join(", ")}` : ""}`);
