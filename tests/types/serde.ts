// cla/serde and cla/namespace

import { Namespace, NoOpNamespace, type IKey, type INamespace } from "cla/namespace";
import { Namespace as SameNamespace } from "@daiso-tech/core/namespace";
import type { INamespace as SameINamespace } from "@daiso-tech/core/namespace/contracts";
import { type ISerde, type ISerderRegister, type ISerializable, type ISerializer, Serde, SerdeError } from "cla/serde";
import { SuperJsonSerdeAdapter } from "cla/serde/super-json";
import { Serde as SameSerde } from "@daiso-tech/core/serde";
import type { ISerdeTransformer } from "@daiso-tech/core/serde/contracts";
import { SuperJsonSerdeAdapter as SameAdapter } from "@daiso-tech/core/serde/super-json-serde-adapter";
import { TimeSpan } from "cla/time-span";
import { exactly } from "./assert.ts";

const serde = new Serde(new SuperJsonSerdeAdapter());
exactly<Serde<string>>()(serde);
exactly<Serde<string>>()(new SameSerde(new SameAdapter()));
exactly<string>()(serde.serialize({ at: new Date() }));
exactly<Date>()(serde.deserialize<Date>("text"));

interface SerializedUser {
  version: "1";
  name: string;
}
class User implements ISerializable<SerializedUser> {
  static deserialize({ name }: SerializedUser): User {
    return new User(name);
  }
  constructor(readonly name: string) {}
  serialize(): SerializedUser {
    return { version: "1", name: this.name };
  }
}
exactly<Serde<string>>()(serde.registerClass(User).registerClass(TimeSpan, "lib").registerClass(Namespace));
const transformer: ISerdeTransformer<User, SerializedUser> = {
  name: User.name,
  isApplicable: (value): value is User => value instanceof User,
  serialize: (user) => user.serialize(),
  deserialize: (serialized) => User.deserialize(serialized),
};
serde.registerCustom(transformer, ["a", "b"]);
const register: ISerderRegister = serde;
const serializer: ISerializer<string> = serde;
const both: ISerde<string> = serde;
exactly<string>()(both.serialize(1));
new SerdeError("message").message;
// @ts-expect-error who registers does not write
register.serialize(1);
// @ts-expect-error who writes does not read
serializer.deserialize("text");
// @ts-expect-error text, please
serde.deserialize(42);
// @ts-expect-error a class that cannot be read again
serde.registerClass(class Lost { serialize() { return {}; } });
// @ts-expect-error a serde has a format
new Serde();

const namespace: INamespace = new Namespace(["a", "b"], { delimiter: "/" });
const key: IKey = namespace.create("key");
exactly<string>()(key.get());
exactly<boolean>()(key.equals(new NoOpNamespace().create("key")));
exactly<Namespace>()(new SameNamespace("a").appendRoot("b"));
const same: SameINamespace = namespace;
same.toString();
// @ts-expect-error a key is text
namespace.create(7);
