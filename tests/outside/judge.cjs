// Judges claims about a log with @sigstore/verify: node judge.cjs NODE_MODULES CASES
const crypto = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");

const from = path.join(process.argv[2], "@sigstore/verify/dist/tlog");
const { verifyCheckpoint } = require(path.join(from, "checkpoint.js"));
const { verifyMerkleInclusion } = require(path.join(from, "merkle.js"));

const log = JSON.parse(fs.readFileSync(process.argv[3], "utf8"));
const bytes = (text) => Buffer.from(text, "hex");
const der = Buffer.concat([bytes("302a300506032b6570032100"), bytes(log.key)]);
const logs = [{
  logID: bytes(log.id), baseURL: log.origin, publicKey: crypto.createPublicKey({ key: der, format: "der", type: "spki" }),
}];

function included(one) {
  const inclusionProof = { logIndex: String(one.index), hashes: one.proof.map(bytes) };
  verifyMerkleInclusion({ inclusionProof, canonicalizedBody: bytes(one.entry) },
                        { logSize: BigInt(one.size), logHash: bytes(one.root) });
  return true;
}

function signed(one) {
  const stated = verifyCheckpoint({ inclusionProof: { checkpoint: { envelope: one.note } } }, logs);
  return stated.origin === log.origin && stated.logSize === BigInt(log.size) && stated.logHash.equals(bytes(log.root));
}

const judges = { inclusion: included, note: signed };
const said = log.cases.map((one) => {
  if (!(one.kind in judges)) return null;
  try {
    return judges[one.kind](one);
  } catch {
    return false;
  }
});
console.log(JSON.stringify({ said }));
