// matrix-js-sdk, from where prepare.sh put it. It logs to the console, and standard output is for our answers.
import { Console } from "node:console";

globalThis.console = new Console(process.stderr);

export const { AutoDiscovery, createClient, InteractiveAuth } = await import(process.env.MATRIX_JS_SDK);
