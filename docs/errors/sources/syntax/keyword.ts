const class: string = "web";
print(class);
