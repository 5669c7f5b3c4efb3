// Requests that ask for the user's password, by InteractiveAuth.
import { InteractiveAuth } from "./sdk.mjs";

// Where the functions of the client take `auth`.
const REQUESTS = {
    addThreePidOnly: (client, auth, body) => client.addThreePidOnly({ ...body, ...(auth && { auth }) }),
    deactivateAccount: (client, auth) => client.deactivateAccount(auth ?? undefined),
};

/** Call a function of the client, with the password for the stage the server then asks for. */
export function withPassword(client, password, name, ...args) {
    return new Promise((resolve, reject) => {
        let refusal;
        const identifier = { type: "m.id.user", user: client.getUserId() };
        const request = (auth) => REQUESTS[name](client, auth, ...args);
        const interactive = new InteractiveAuth({
            matrixClient: client,
            doRequest: (auth) => request(auth).catch((error) => Promise.reject((refusal = error))),
            stateUpdated(stage, { errcode }) {
                if (errcode) reject(refusal);
                else interactive.submitAuthDict({ type: "m.login.password", identifier, password });
            },
        });
        interactive.attemptAuth().then(resolve, reject);
    });
}
