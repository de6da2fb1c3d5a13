-- Lets happen what is due; says when more is.
advance()
save()
return due_left()
