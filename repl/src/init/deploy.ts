// Puts a version on the host of an environment. Two deployments to one environment wait for each other.
//
//   cla run deploy.ts --stash version=1.2
//   cla run deploy.ts --stash version=1.2 --stash env=prod

import { take } from "cla/sem";
import { $ } from "cla/shell";

export interface Order {
  version?: string;
  env?: string;
}

/** The host of an environment, as `[config.hosts]` in cla.toml has it. */
export function hostOf(env: string): string {
  const host = cla.config<string>(`hosts.${env}`);
  if (host === undefined) throw new Error(`cla.toml has no host for ${env}`);
  return host;
}

// The default export is called with the stash; what it returns is the rule's value.
export default function deploy({ version = "1.0", env = "test" }: Order): string {
  const host = hostOf(env);
  return take(`deploy-${env}`, { timeout: "10m" }, () => {
    const { output } = $`echo ${version} is on ${host}`;
    print(output);
    return output;
  });
}
