// A registration that proves a mail address or a number on the way, by InteractiveAuth.
import { InteractiveAuth } from "./sdk.mjs";

const PAUSE = 100; // ms between two polls
const MSISDN = "m.login.msisdn";

export class Registration {
    #asked; // what the server answers when it is asked for a token
    #ask;
    #client;
    #interactive;
    #login;
    #options;
    #polling;
    #refused = () => {};

    /** `inputs`: { emailAddress } or { phoneCountry, phoneNumber }. */
    constructor(client, options) {
        this.#client = client;
        this.#options = options;
        this.#asked = new Promise((resolve) => (this.#ask = resolve));
        this.#interactive = new InteractiveAuth({
            matrixClient: client,
            inputs: options.inputs,
            clientSecret: options.clientSecret,
            doRequest: (auth) => this.#request(auth),
            requestEmailToken: (address, secret, attempt) => this.#requestMail(address, secret, attempt),
            stateUpdated: (stage, status) => this.#next(stage, status),
        });
    }

    /** Start; return what the server answered when it was asked for a token. */
    begin() {
        this.#login = this.#interactive.attemptAuth();
        this.#login.catch(() => {}).then(() => clearInterval(this.#polling));
        return Promise.race([this.#asked, this.#login]);
    }

    /** Return the errcode of the next stage or poll that is refused. */
    refusal() {
        return new Promise((resolve) => (this.#refused = resolve));
    }

    /** Complete the stage of a number. */
    prove(creds) {
        return this.#interactive.submitAuthDict({ type: MSISDN, threepid_creds: creds, threepidCreds: creds });
    }

    /** Return the login. */
    registered() {
        return this.#login;
    }

    #request(auth) {
        const { username, password } = this.#options;
        return this.#client.registerRequest({ username, password, ...(auth && { auth }) });
    }

    /** Ask for a mail, and ask from then on whether its link was confirmed. */
    #requestMail(address, secret, attempt) {
        this.#ask(this.#client.requestRegisterEmailToken(address, secret, attempt));
        this.#polling = setInterval(() => this.#interactive.poll(), PAUSE);
        return this.#asked;
    }

    #next(stage, { errcode }) {
        if (errcode) this.#refused(errcode);
        else if (stage === MSISDN) this.#ask(this.#requestText());
    }

    #requestText() {
        const { clientSecret, inputs } = this.#options;
        return this.#client.requestRegisterMsisdnToken(inputs.phoneCountry, inputs.phoneNumber, clientSecret, 1);
    }
}
