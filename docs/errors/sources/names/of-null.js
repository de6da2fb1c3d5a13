const tag = "release-7";
const major = tag.match(/v(\d+)/)[1];
print(major);
