// The settings that everything is bundled and measured with.
export const target = "es2022";

/** Members that begin with an underscore are nobody's business and get short names. */
export const shared = { bundle: true, target, mangleProps: /^_/, logLevel: "warning" };
