const page = <p>deployed</p>;
print(page);
