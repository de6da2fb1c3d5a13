const title = document.title;
print(title);
