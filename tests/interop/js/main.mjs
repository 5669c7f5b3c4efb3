// Do what the tests say with matrix-js-sdk: a line of JSON in, [person, action, ...args]; a line of JSON out.
import { createInterface } from "node:readline";
import { withPassword } from "./password.mjs";
import { Registration } from "./registration.mjs";
import { AutoDiscovery, createClient } from "./sdk.mjs";

const PATIENCE = 20_000; // ms
const people = {};

const ACTIONS = {
    connect(person, options) {
        person.client = createClient(options);
    },
    discover: (_, config) => AutoDiscovery.fromDiscoveryConfig(config),
    call: ({ client }, name, ...args) => client[name](...args),
    withPassword: ({ client }, ...args) => withPassword(client, ...args),
    register(person, options) {
        person.registration = new Registration(person.client, options);
        return person.registration.begin();
    },
    registration: ({ registration }, name, ...args) => registration[name](...args),
};

function late() {
    return new Promise((_, reject) => setTimeout(reject, PATIENCE, new Error("took too long")).unref());
}

async function answered([name, action, ...args]) {
    const person = (people[name] ??= {});
    try {
        return { result: (await Promise.race([ACTIONS[action](person, ...args), late()])) ?? null };
    } catch ({ httpStatus = 0, errcode = "", message = "" }) {
        return { refused: { status: httpStatus, errcode, text: message } };
    }
}

for await (const line of createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(await answered(JSON.parse(line)))}\n`);
}
process.exit();
