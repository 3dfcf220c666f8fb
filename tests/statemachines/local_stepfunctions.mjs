// Executes state machines in aws-local-stepfunctions with recorded responses of their tasks.
//
// That tool has no JSONata. So each state becomes states of the JSONPath language, which it executes: a Task that
// evaluates the state's expressions with the reference implementation of JSONata, and the state itself, which retries,
// catches, chooses, waits, iterates or fails. What goes from state to state is {v: variables, d: data, p: path, m: Map}.
//
// Standard input: a JSON list of {definition, input, context, responses, times}, where responses has, by path and state,
// the results and errors of the task's attempts, and times the clock of each visit. Standard output: for each of them
// {status, output, error, cause, visits, calls}.
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

// Node.js 22 has it, which the tool asks for; Debian's Node.js is older.
Promise.withResolvers ??= function () {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
};

const require = createRequire(`${process.argv[2]}/`);
const { StateMachine } = require("aws-local-stepfunctions");
const jsonata = require("jsonata");

const NOWHERE = "arn:aws:lambda:us-east-1:123456789012:function:overridden";
const TOKEN = "a task token";
const OPTIONS = { validationOptions: { noValidate: true } };

class NamedError extends Error {
  constructor(name, message) {
    super(message);
    this.name = name;
  }
}

// The functions that Step Functions adds to JSONata.
const ADDED = {
  hash: (text, algorithm) => createHash(algorithm.replace("-", "").toLowerCase()).update(text).digest("hex"),
  parse: (text) => JSON.parse(text),
};

async function evaluated(template, states, variables, now) {
  if (typeof template === "string" && template.startsWith("{%")) {
    const expression = jsonata(template.slice(2, -2).trim());
    for (const [name, made] of Object.entries(ADDED)) expression.registerFunction(name, made);
    expression.registerFunction("millis", () => now);
    expression.registerFunction("now", () => new Date(now).toISOString());
    let value;
    try {
      value = await expression.evaluate(undefined, { ...variables, states });
    } catch (error) {
      throw new NamedError("States.QueryEvaluationError", error.message);
    }
    if (value === undefined) throw new NamedError("States.QueryEvaluationError", `no result: ${template}`);
    return JSON.parse(JSON.stringify(value));
  }
  if (Array.isArray(template)) return Promise.all(template.map((item) => evaluated(item, states, variables, now)));
  if (template === null || typeof template !== "object") return template;
  const pairs = Object.entries(template).map(async ([key, item]) => [
    key, await evaluated(item, states, variables, now),
  ]);
  return Object.fromEntries(await Promise.all(pairs));
}

class Execution {
  constructor(recorded) {
    this.recorded = recorded;
    this.visits = {};
    this.calls = {};
    this.attempts = {};
    this.handlers = {};
    this.waits = {};
    this.retries = {};
  }

  enter(at, name) {
    (this.visits[at.p] ??= []).push(name);
  }

  now(at) {
    return this.recorded.times[at.p]?.[this.visits[at.p].length - 1] ?? 0;
  }

  // What expressions of a state see, evaluated against its input.
  scope(at, name, more = {}) {
    const { Execution, StateMachine } = this.recorded.context;
    const context = { Execution, StateMachine, State: { Name: name, RetryCount: 0 }, Task: { Token: TOKEN } };
    if (at.m) context.Map = { Item: at.m };
    const states = { input: at.d, context, ...more };
    return (template) => evaluated(template, states, at.v, this.now(at));
  }

  // The way out of a state: its Output, or what it has otherwise, with its Assign.
  async left(at, evaluate, clause, otherwise) {
    const d = "Output" in clause ? await evaluate(clause.Output) : otherwise;
    return { ...at, d, v: { ...at.v, ...(await evaluate(clause.Assign ?? {})) } };
  }

  task(name, next, handle, more = {}) {
    this.handlers[name] = handle;
    return { Type: "Task", Resource: NOWHERE, TimeoutSeconds: 600, ...more, ...next };
  }

  catches(name, state, made) {
    return (state.Catch ?? []).map((clause, index) => {
      const caught = `${name} catch ${index}`;
      made[caught] = this.task(caught, { Next: clause.Next }, async ({ e, ...at }) =>
        this.left(at, this.scope(at, name, { errorOutput: e }), clause, e));
      return { ErrorEquals: clause.ErrorEquals, ResultPath: "$.e", Next: caught };
    });
  }

  translated({ StartAt, States }) {
    const made = {};
    for (const [name, state] of Object.entries(States)) this[`make${state.Type}`](name, state, made);
    return { StartAt, States: made };
  }

  makePass(name, state, made) {
    made[name] = this.task(name, after(state), async (at) => {
      this.enter(at, name);
      return this.left(at, this.scope(at, name), state, at.d);
    });
  }

  makeTask(name, state, made) {
    this.retries[name] = (state.Retry ?? []).map(() => 0);
    const begun = `${name} begun`;
    made[name] = this.task(name, { Next: begun }, async (at) => {
      this.enter(at, name);
      return at;
    });
    this.retries[begun] = this.retries[name];
    made[begun] = this.task(begun, after(state), async (at) => {
      const evaluate = this.scope(at, name);
      const given = "Arguments" in state ? await evaluate(state.Arguments) : at.d;
      const key = `${at.p} ${name}`;
      const attempt = (this.attempts[key] = (this.attempts[key] ?? -1) + 1);
      (this.calls[key] ??= []).push(given);
      const response = this.recorded.responses[key]?.[attempt];
      if (!response) throw new NamedError("Test.NoResponse", `attempt ${attempt} of ${key} was not recorded`);
      if ("error" in response) throw new NamedError(response.error, response.cause);
      return this.left(at, this.scope(at, name, { result: response.result }), state, response.result);
    }, { ...(state.Retry && { Retry: state.Retry }), Catch: this.catches(name, state, made) });
  }

  makeChoice(name, state, made) {
    const chosen = `${name} chosen`;
    made[name] = this.task(name, { Next: chosen }, async (at) => {
      this.enter(at, name);
      const evaluate = this.scope(at, name);
      for (const [c, rule] of state.Choices.entries())
        if ((await evaluate(rule.Condition)) === true) return { ...(await this.left(at, evaluate, rule, at.d)), c };
      return { ...(await this.left(at, evaluate, state, at.d)), c: -1 };
    });
    const rules = state.Choices.map((rule, index) => ({ Variable: "$.c", NumericEquals: index, Next: rule.Next }));
    made[chosen] = { Type: "Choice", Choices: rules, Default: state.Default };
  }

  makeWait(name, state, made) {
    const waited = `${name} waited`;
    this.waits[waited] = 0;
    made[name] = this.task(name, { Next: waited }, async (at) => {
      this.enter(at, name);
      const seconds = await this.scope(at, name)(state.Seconds);
      if (!Number.isInteger(seconds) || seconds < 0) throw new NamedError("States.QueryEvaluationError", `${seconds}`);
      return this.left(at, this.scope(at, name), state, at.d);
    });
    made[waited] = { Type: "Wait", Seconds: 1, ...after(state) };
  }

  makeFail(name, state, made) {
    const failed = `${name} failed`;
    made[name] = this.task(name, { Next: failed }, async (at) => {
      this.enter(at, name);
      const evaluate = this.scope(at, name);
      return { error: await evaluate(state.Error), cause: await evaluate(state.Cause) };
    });
    made[failed] = { Type: "Fail", ErrorPath: "$.error", CausePath: "$.cause" };
  }

  makeMap(name, state, made) {
    const [items, each, end] = [name, `${name} each`, `${name} end`];
    made[items] = this.task(items, { Next: each }, async (at) => {
      this.enter(at, name);
      const visit = this.visits[at.p].filter((entered) => entered === name).length - 1;
      const list = await this.scope(at, name)(state.Items);
      const inner = list.map(async (Value, Index) => {
        const item = { ...at, m: { Index, Value } };
        const d = "ItemSelector" in state ? await this.scope(item, name)(state.ItemSelector) : Value;
        return { ...item, d, p: `${at.p}/${name}#${visit}/${Index}` };
      });
      const concurrency = await this.scope(at, name)(state.MaxConcurrency ?? 0);
      return { ...at, items: await Promise.all(inner), concurrency };
    });
    made[each] = {
      Type: "Map",
      ItemsPath: "$.items",
      MaxConcurrencyPath: "$.concurrency",
      ResultPath: "$.r",
      ItemProcessor: this.translated(state.ItemProcessor),
      Catch: this.catches(name, state, made),
      Next: end,
    };
    made[end] = this.task(end, after(state), async ({ items: _, concurrency: __, r, ...at }) => {
      const result = r.map((one) => one.d);
      return this.left(at, this.scope(at, name, { result }), state, result);
    });
  }

  async run() {
    const machine = new StateMachine(this.translated(this.recorded.definition), OPTIONS);
    const given = { v: {}, d: this.recorded.input, p: "" };
    const overrides = {
      taskResourceLocalHandlers: this.handlers,
      waitTimeOverrides: this.waits,
      retryIntervalOverrides: this.retries,
    };
    const { visits, calls } = this;
    try {
      const { d: output } = await machine.run(given, { overrides }).result;
      return { status: "SUCCEEDED", output, visits, calls };
    } catch (error) {
      const { name, message } = error.cause ?? error;
      return { status: "FAILED", error: name, cause: message, visits, calls };
    }
  }
}

function after(state) {
  return state.End ? { End: true } : { Next: state.Next };
}

const results = [];
for (const recorded of JSON.parse(readFileSync(0, "utf8"))) results.push(await new Execution(recorded).run());
process.stdout.write(JSON.stringify(results));
