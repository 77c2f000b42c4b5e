// What the drivers in JavaScript share: one line for each thing that is as it should be.
"use strict";

const { isDeepStrictEqual } = require("node:util");

const EXPECTED = 13;
let passed = 0;

exports.check = (name, found, wanted) => {
  if (!isDeepStrictEqual(found, wanted)) {
    throw new Error(`${name}: ${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}`);
  }
  passed += 1;
  console.log(`ok ${name}`);
};

exports.run = async (play) => {
  try {
    await play();
    if (passed !== EXPECTED) throw new Error(`${passed} checks instead of ${EXPECTED}`);
    process.exit(0);
  } catch (error) {
    console.error(error.stack);
    console.error(String(error.message).split("\n")[0]);
    process.exit(1);
  }
};

// The content of a file that the sandbox keeps.
exports.download = async (address) => Buffer.from(await (await fetch(address)).arrayBuffer()).toString();
